import { existsSync, writeFileSync } from "node:fs"
import { dirname, join, relative, resolve } from "node:path"
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { makePlan, type NodeReport, projectRoot, run } from "../../pipeline/index.ts"
import { causeText, Split } from "../../schemas/index.ts"
import { type Layout, layoutTitle, recogniseLayout } from "../../stages/ingest/index.ts"
import { wireCollections, wiring } from "../collections.ts"
import { commentedSettings } from "../commentedSettings.ts"
import { formatCount } from "../Quantity.ts"
import { makeRunDisplay } from "../RunDisplay.ts"
import { runServices } from "../runServices.ts"
import { readSettings } from "../Settings.ts"
import { errorOutput, writeOut } from "../Terminal.ts"
import { artifactsOption } from "./options.ts"

/** The configuration cannot be written where it should be. */
export class NotInitialised extends Schema.TaggedError<NotInitialised>()("NotInitialised", {
  file: Schema.String,
  problem: Schema.String,
  remedy: Schema.String,
}) {
  override get message(): string {
    return `${this.file} is not written: ${this.problem}. ${this.remedy}`
  }
}

const Counts = Schema.Record({ key: Schema.String, value: Schema.Number })
const Facts = Schema.Struct({ splits: Counts, kinds: Counts })

/** What is not to be had without a split. */
const withoutSplit: Readonly<Record<Split, string>> = {
  train: "nothing can be trained on it; models that are there rerank it all the same (rerank.models)",
  dev: "no checkpoint is chosen by a measure, and the shares of mixed and fused systems are not tuned",
  test: "the table has no figures of the test split",
}

const named = (files: ReadonlyArray<string>): string =>
  files.length > 3 ? `${files.slice(0, 3).join(", ")} and ${files.length - 3} more` : files.join(", ")

/** What was found, a line each. */
const foundLines = (folder: string, layout: Layout, report: NodeReport, { kinds, splits }: typeof Facts.Type) => {
  const rows = (output: string): string => formatCount(report.outputs[output]?.rows ?? 0)
  const counts = (of: Readonly<Record<string, number>>, names: ReadonlyArray<string>): string =>
    names.map((name) => `${name} ${of[name] === undefined ? "–" : formatCount(of[name])}`).join(" · ")
  const qrels = layout.qrels.map(({ file, split }) => `${file} (${split})`)
  const missing = Split.literals.filter((split) => splits[split] === undefined)
  return [
    `${folder}: a collection in ${layoutTitle(layout.format)}`,
    `  passages    ${rows("passages")}  ${named(layout.corpus)}`,
    `  queries     ${rows("queries")}  ${layout.queries.length === 0 ? "in the judgements" : named(layout.queries)}; those that are judged`,
    `  judgements  ${rows("qrels")}  ${named(qrels)}`,
    `  splits      ${counts(splits, Split.literals)} queries`,
    `  kinds       ${counts(kinds, ["question", "browse"])}; guessed from the words where the queries do not say it`,
    ...missing.map((split) => `  missing     ${split}: ${withoutSplit[split]}`),
    ...report.warnings.map((warning) => `  !           ${warning}`),
  ]
}

/** `init`: looks at a folder, and writes a configuration to begin with. */
export const initCommand = Command.make(
  "init",
  {
    folder: Args.text({ name: "folder" }).pipe(
      Args.withDefault("."),
      Args.withDescription("The collection's folder, as --dataset takes it (folder:browse); this one if left out"),
    ),
    to: Options.text("to").pipe(
      Options.withDefault("experiment.json"),
      Options.withDescription("The file to write; default experiment.json here"),
    ),
    force: Options.boolean("force").pipe(Options.withDescription("Write over a file that is there")),
    artifacts: artifactsOption,
  },
  ({ folder, to, force, artifacts }) =>
    Effect.gen(function* () {
      if (existsSync(to) && !force) {
        return yield* new NotInitialised({
          file: to,
          problem: "it is there already",
          remedy: "Name another with --to, or write over it with --force.",
        })
      }
      const settings = yield* readSettings({ datasets: [folder], sets: [] })
      const [dataset] = settings.datasets
      const layout = yield* wiring(settings, () => recogniseLayout(resolve(dataset.source), settings.ingest.splits))
      const collections = yield* wireCollections(settings, [])
      const [collection] = collections
      if (collection === undefined) return
      const { passages, qrels, queries } = collection
      const plan = yield* makePlan({ ingest: [passages, queries, qrels] })
      const { services } = yield* runServices(artifacts)
      const report = yield* Effect.gen(function* () {
        const display = yield* Effect.acquireRelease(
          Effect.sync(() => makeRunDisplay("auto", errorOutput)),
          (opened) => Effect.sync(opened.close),
        )
        return yield* run(plan, { force: [], onEvent: display.onEvent })
      }).pipe(Effect.scoped, Effect.provide(services))
      const node = report.nodes.find(({ name }) => name === passages.node.name)
      if (node === undefined) return
      const facts = yield* Schema.decodeUnknown(Facts)(node.facts)

      const held = (["dev", "test"] as const).filter((split) => facts.splits[split] !== undefined)
      const schema = relative(dirname(resolve(to)), join(projectRoot, "experiments/schema.json"))
      const text = commentedSettings(settings, {
        $schema: schema.startsWith(".") ? schema : `./${schema}`,
        splits: held.length === 0 ? ["train"] : held,
        trains: facts.splits["train"] !== undefined,
      })
      yield* Effect.try({
        try: () => writeFileSync(to, text),
        catch: (cause) =>
          new NotInitialised({
            file: to,
            problem: causeText(cause),
            remedy: "Name another file with --to.",
          }),
      })
      const lines = foundLines(folder, layout, node, facts)
      yield* writeOut(`${lines.join("\n")}\n\n${to} is written. Next: npx tsx dag.ts --target eval --config ${to}\n`)
    }).pipe(Effect.scoped),
).pipe(Command.withDescription("Looks at a folder and writes a commented configuration"))
