import * as Command from "@effect/cli/Command"
import * as Effect from "effect/Effect"
import { loadExtensions } from "../extensions.ts"
import { experimentJsonSchema } from "../Settings.ts"
import { jsonText, writeOut } from "../Terminal.ts"
import { stagesOption } from "./options.ts"

/** `schema`: the JSON Schema of a configuration, for editors, with the settings of what modules of one's own bring. */
export const schemaCommand = Command.make("schema", { stages: stagesOption }, ({ stages }) =>
  Effect.gen(function* () {
    yield* loadExtensions(stages)
    yield* writeOut(`${jsonText(experimentJsonSchema(), 2)}\n`)
  }),
).pipe(Command.withDescription("Prints the JSON Schema of a configuration file"))
