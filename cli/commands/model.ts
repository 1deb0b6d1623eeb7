import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { HeadName, ModelSettings } from "../../schemas/index.ts"
import { inspectModel } from "../../stages/model/index.ts"
import { renderInspection } from "../ModelInspection.ts"

import { writeError, writeOut } from "../Terminal.ts"

const decodeSettings = Schema.decode(ModelSettings)

/** `model inspect`: what a model's files say, what would be made of them, and what is wrong with them. */
const inspectCommand = Command.make(
  "inspect",
  {
    source: Args.text({ name: "source" }).pipe(
      Args.withDescription("A checkpoint's folder, an ONNX file, or a repository of the hub (owner/name)"),
    ),
    revision: Options.text("revision").pipe(
      Options.withDefault("main"),
      Options.withDescription("Branch, tag or commit of a hub's repository"),
    ),
    head: Options.choice("head", HeadName.literals).pipe(
      Options.optional,
      Options.withDescription("Compare the weights with what this head needs; left out, the head it was saved with"),
    ),
    json: Options.boolean("json").pipe(Options.withDescription("Print one JSON document")),
  },
  ({ source, revision, head, json }) =>
    Effect.gen(function* () {
      const settings = yield* decodeSettings({
        source,
        revision,
        ...Option.match(head, { onNone: () => ({}), onSome: (head) => ({ head }) }),
      })
      let told = ""
      const found = yield* inspectModel(settings, (progress) => {
        // A line for each file; the live line belongs to runs.
        const { detail = "" } = progress
        if (detail === told) return
        told = detail
        Effect.runFork(writeError(`· fetching ${detail}\n`))
      })
      yield* writeOut(json ? `${JSON.stringify(found, undefined, 2)}\n` : `${renderInspection(found)}\n`)
    }),
).pipe(Command.withDescription("Says what a model is made of, how its input would be read, and what is missing"))

/** `model …`. */
export const modelCommand = Command.make("model").pipe(
  Command.withDescription("Looks at models"),
  Command.withSubcommands([inspectCommand]),
)
