import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import { experimentJsonSchema } from "../Settings.ts"

/** `schema`: the JSON Schema of a configuration, for editors. */
export const schemaCommand = Command.make("schema", {}, () =>
  Console.log(JSON.stringify(experimentJsonSchema(), undefined, 2)),
).pipe(Command.withDescription("Prints the JSON Schema of a configuration file"))
