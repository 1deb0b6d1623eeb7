import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { HeadName, ModelSettings } from "../../schemas/index.ts"
import { inspectModel, modelFieldTables, modelList } from "../../stages/model/index.ts"
import { ModelUnfit } from "../ExitCode.ts"
import { errorsIn, renderInspection } from "../ModelInspection.ts"

import { jsonText, writeError, writeOut } from "../Terminal.ts"

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
    label: Options.text("label").pipe(
      Options.optional,
      Options.withDescription("Of a classifier with several labels, the one that means relevant, by number or name"),
    ),
    json: Options.boolean("json").pipe(Options.withDescription("Print one JSON document")),
  },
  ({ source, revision, head, label, json }) =>
    Effect.gen(function* () {
      const settings = yield* decodeSettings({
        source,
        revision,
        ...Option.match(head, { onNone: () => ({}), onSome: (head) => ({ head }) }),
        ...Option.match(label, {
          onNone: () => ({}),
          onSome: (label) => ({ label: /^\d+$/u.test(label) ? Number(label) : label }),
        }),
      })
      let told = ""
      const found = yield* inspectModel(settings, (progress) => {
        // A line for each file; the live line belongs to runs.
        const { detail = "" } = progress
        if (detail === told) return
        told = detail
        Effect.runFork(writeError(`· fetching ${detail}\n`))
      })
      const errors = errorsIn(found)
      yield* writeOut(json ? `${jsonText(found, 2)}\n` : `${renderInspection(found)}\n`)
      if (errors > 0) return yield* new ModelUnfit({ model: found.name, errors })
    }),
).pipe(Command.withDescription("Says what a model is made of, how its input would be read, and what is missing"))

/** `model fields`: what becomes of each field of a model's files. */
const fieldsCommand = Command.make("fields", {}, () => Effect.flatMap(modelFieldTables, writeOut)).pipe(
  Command.withDescription("Prints, as Markdown, what becomes of each field of a model's files"),
)

/** `model list`: what can be run, and what of it is proven. */
const listCommand = Command.make("list", {}, () => Effect.flatMap(modelList, writeOut)).pipe(
  Command.withDescription("Lists the families of models, the heads that are proven, and well-known repositories"),
)

/** `model …`. */
export const modelCommand = Command.make("model").pipe(
  Command.withDescription("Looks at models"),
  Command.withSubcommands([inspectCommand, listCommand, fieldsCommand]),
)
