import * as Command from "@effect/cli/Command"
import { experimentJsonSchema } from "../Settings.ts"
import { jsonText, writeOut } from "../Terminal.ts"

/** `schema`: the JSON Schema of a configuration, for editors. */
export const schemaCommand = Command.make("schema", {}, () =>
  writeOut(`${jsonText(experimentJsonSchema(), 2)}\n`),
).pipe(Command.withDescription("Prints the JSON Schema of a configuration file"))
