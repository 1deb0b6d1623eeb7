import { rmSync, statSync } from "node:fs"
import { dirname } from "node:path"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { ArtifactStore, newestRun, type RunRecord, storedOutput } from "../../pipeline/index.ts"
import { causeText, Kinds, makeFolders } from "../../schemas/index.ts"
import { exportCiff } from "../../stages/retrieve/index.ts"
import { indexFormats } from "../ExportFormats.ts"
import { NotInLastRun } from "../LastRun.ts"
import { formatBytes } from "../Quantity.ts"
import { tellMoved } from "../TablesElsewhere.ts"
import { writeOut } from "../Terminal.ts"
import { layerToldStore } from "../ToldStore.ts"
import { artifactsOption } from "./options.ts"

/** An index cannot be written where it should be, or is not whole where it comes from. */
export class IndexNotExported extends Schema.TaggedError<IndexNotExported>()("IndexNotExported", {
  problem: Schema.String,
  remedy: Schema.String,
}) {
  override get message(): string {
    return `The index is not exported: ${this.problem}. ${this.remedy}`
  }
}

/** The indexes of a run, each with its collection's name where there are several. */
const indexesOf = (record: RunRecord) =>
  record.nodes.flatMap(({ key, name, outputs, stage }) =>
    // An index of one field is part of what is searched.
    stage === undefined || key === undefined || stage === "index.field"
      ? []
      : Object.entries(outputs)
          .filter(([, { kind }]) => kind === Kinds.Bm25Index.name)
          .map(([output]) => ({ dataset: /@(.+)$/u.exec(name)?.[1] ?? "", stage, key, output })),
  )

/** `export index`: the index of words, for other engines. */
export const exportIndexCommand = Command.make(
  "index",
  {
    format: Options.choice("format", indexFormats).pipe(
      Options.withDefault("ciff" as const),
      Options.withDescription("CIFF, as PISA, Lucene, Terrier and others read it"),
    ),
    to: Options.text("to").pipe(Options.withDescription("The file to write")),
    dataset: Options.text("dataset").pipe(
      Options.optional,
      Options.withDescription("Which collection, where the last run had several"),
    ),
    force: Options.boolean("force").pipe(Options.withDescription("Replace the file")),
    artifacts: artifactsOption,
  },
  ({ artifacts, dataset, force, to }) =>
    Effect.gen(function* () {
      const store = yield* ArtifactStore
      const latest = yield* newestRun()
      const indexes = latest === undefined ? [] : indexesOf(latest)
      const asked = Option.getOrElse(dataset, () => "")
      const index = indexes.length === 1 && asked === "" ? indexes[0] : indexes.find((each) => each.dataset === asked)
      if (index === undefined) {
        return yield* new NotInLastRun({ what: "index", asked, known: indexes.map((each) => each.dataset) })
      }
      const told = tellMoved("index", store.remote?.address ?? "")
      const record = yield* storedOutput(store, index.stage, index.key, index.output, told)
      if (typeof record === "string") {
        const problem = record === "damaged" ? "its stored files are damaged" : "it is no longer in the store"
        return yield* new IndexNotExported({ problem, remedy: "Run the experiment again; it is then remade." })
      }
      if (statSync(to, { throwIfNoEntry: false }) !== undefined && !force) {
        const remedy = "Name another file with --to, or replace it with --force."
        return yield* new IndexNotExported({ problem: `there is ${to} already`, remedy })
      }
      yield* Effect.try({
        try: () => {
          makeFolders(dirname(to))
          rmSync(to, { force: true })
        },
        catch: (cause) =>
          new IndexNotExported({ problem: causeText(cause), remedy: `Name another file than ${to} with --to.` }),
      })
      const { documents, terms } = yield* exportCiff(store.objectPath(record.hash), to)
      const bytes = formatBytes(statSync(to).size)
      yield* writeOut(`${to}  ${documents} passages, ${terms} terms, ${bytes}\n`)
    }).pipe(Effect.provide(layerToldStore(artifacts))),
).pipe(Command.withDescription("Writes the last experiment's index of words, for other engines"))
