import { existsSync, statSync } from "node:fs"
import { basename, join, resolve } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Collection } from "../experiment.ts"
import { sourceFiles } from "../pipeline/index.ts"
import { type DatasetConfig, didYouMean, type Experiment } from "../schemas/index.ts"
import {
  type IngestError,
  ingest,
  ingestSynthetic,
  isIngestError,
  layoutFiles,
  recogniseLayout,
} from "../stages/ingest/index.ts"

/** There is no such collection. */
export class DatasetNotFound extends Schema.TaggedError<DatasetNotFound>()("DatasetNotFound", {
  source: Schema.String,
  known: Schema.Array(Schema.String),
}) {
  override get message(): string {
    return `--dataset ${this.source}: there is no folder of that name, and no public collection.${didYouMean(this.source, this.known)}`
  }
}

const publicNames: ReadonlyArray<string> = ["synthetic"]

/** Above these a system that holds the collection as JavaScript objects is not asked unless the user names it. */
const smallPassages = 100_000
const smallBytes = 100_000_000

/** A node's name allows fewer characters than a folder's. */
const nameOf = (source: string): string => basename(resolve(source)).replaceAll(/[^A-Za-z0-9._+-]+/g, "-")

const synthetic = (settings: Experiment, label: string): Omit<Collection, "name" | "imported"> => {
  const { passages, seed, trainQuestions, trainBrowse, heldOutQuestions, heldOutBrowse } = settings.ingest
  return {
    ...ingestSynthetic({ passages, seed, trainQuestions, trainBrowse, heldOutQuestions, heldOutBrowse }, {}, label),
    small: passages <= smallPassages,
  }
}

const folder = (
  settings: Experiment,
  dataset: DatasetConfig,
  label: string,
): Effect.Effect<Omit<Collection, "name" | "imported">, IngestError> =>
  Effect.try({
    try: () => {
      const root = resolve(dataset.source)
      const layout = recogniseLayout(root, settings.ingest.splits)
      const files = sourceFiles({ name: `files${label}`, root, files: layoutFiles(layout) })
      const bytes = layout.corpus.reduce((sum, file) => {
        const packed = file.endsWith(".gz") ? 3 : 1
        return sum + packed * statSync(join(root, file)).size
      }, 0)
      const kind = dataset.kind === undefined ? {} : { kind: dataset.kind }
      return {
        ...ingest({ layout, strict: settings.ingest.strict, ...kind }, { files }, label),
        small: bytes <= smallBytes,
      }
    },
    catch: (error) => {
      if (isIngestError(error)) return error
      throw error
    },
  })

/** Finds the collections that the settings name and wires their reading; nothing is read yet but folders' listings. */
export const wireCollections = (
  settings: Experiment,
): Effect.Effect<ReadonlyArray<Collection>, IngestError | DatasetNotFound> =>
  Effect.gen(function* () {
    const named = new Map<string, number>()
    const several = settings.datasets.length > 1
    return yield* Effect.forEach(settings.datasets, (dataset) =>
      Effect.gen(function* () {
        const base = nameOf(dataset.source)
        const used = (named.get(base) ?? 0) + 1
        named.set(base, used)
        const name = used === 1 ? base : `${base}-${used}`
        const label = several ? `@${name}` : ""
        const found =
          dataset.source === "synthetic"
            ? synthetic(settings, label)
            : existsSync(dataset.source)
              ? yield* folder(settings, dataset, label)
              : yield* new DatasetNotFound({ source: dataset.source, known: publicNames })
        return { ...found, name, imported: [] }
      }),
    )
  })
