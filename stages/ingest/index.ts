/** Collections in: generated, read from files or fetched, as the tables passages, queries and qrels. */

import { existsSync } from "node:fs"
import { resolve } from "node:path"
import * as Schema from "effect/Schema"
import { type Outputs, sourceFiles, stage } from "../../pipeline/index.ts"
import { type CollectionConfig, type DatasetConfig, Kinds, SyntheticConfig } from "../../schemas/index.ts"
import { DownloadConfig, ImportRunConfig, IngestConfig } from "./Config.ts"
import { publicCollection, publicCollections } from "./download/Catalogue.ts"
import { UnknownDataset } from "./IngestError.ts"
import { layoutFiles, recogniseLayout } from "./Layout.ts"

export { DownloadFailed } from "./download/DownloadError.ts"
export {
  EmptyCollection,
  type IngestError,
  isIngestError,
  MalformedRow,
  UnknownDataset,
  UnknownLayout,
  UnreadableFile,
  UnusableQrels,
} from "./IngestError.ts"
export { Layout, layoutFiles, recogniseLayout, type SplitNames } from "./Layout.ts"
export { layoutTitle } from "./read/forms/registry.ts"
export { readQrels, readRun } from "./readJudged.ts"
export { DownloadConfig, IngestConfig }

const tables = { passages: Kinds.Passages, queries: Kinds.Queries, qrels: Kinds.Qrels }

/** A collection's tables, to be wired on. */
export type Collection = Outputs<typeof tables>

/** The synthetic collection: a pure function of its configuration. */
export const ingestSynthetic = stage({
  name: "ingest.synthetic",
  config: Schema.typeSchema(SyntheticConfig),
  inputs: {},
  outputs: tables,
  code: "stages/ingest/generate.ts",
  load: () => import("./generate.ts"),
  native: ["duckdb"],
})

/** A collection read from files in one of the known layouts. */
export const ingest = stage({
  name: "ingest",
  config: IngestConfig,
  inputs: { files: Kinds.SourceFiles },
  outputs: tables,
  code: "stages/ingest/readCollection.ts",
  load: () => import("./readCollection.ts"),
  native: ["duckdb"],
})

/** Another tool's run, a system like any other. */
export const importRun = stage({
  name: "import",
  config: ImportRunConfig,
  inputs: { file: Kinds.SourceFiles, queries: Kinds.Queries, passages: Kinds.Passages },
  outputs: { run: Kinds.Run },
  code: "stages/ingest/importRun.ts",
  load: () => import("./importRun.ts"),
  native: ["duckdb"],
})

/** The files of a public collection, fetched and checked. */
export const download = stage({
  name: "download",
  config: DownloadConfig,
  inputs: {},
  outputs: { files: Kinds.SourceFiles },
  code: "stages/ingest/fetchCollection.ts",
  load: () => import("./fetchCollection.ts"),
  resumable: true,
})

/** Bytes that a public collection has when unpacked, about; `undefined` for other names. */
export const publicBytes = (source: string): number | undefined => publicCollection(source)?.unpacked

/** Whether a public collection's queries are passages of it; `false` for other names. */
export const queriesArePassages = (source: string): boolean => publicCollection(source)?.queriesArePassages ?? false

/** Names of the collections that can be fetched. */
export const publicNames: ReadonlyArray<string> = publicCollections.map(({ name }) => name)

/**
 * Wires a collection by what the user calls it: `synthetic`, the name of a public collection, or a folder (which `./` in
 * front always means). A folder is looked at, to recognise its layout; nothing is read.
 *
 * @param leaveOutOwn whether a query's own passage will be left out of its results
 * @param label tells the nodes of several collections apart
 * @throws IngestError
 */
export const collectionOf = (
  dataset: DatasetConfig,
  settings: SyntheticConfig & CollectionConfig,
  leaveOutOwn: boolean,
  label?: string,
): Collection => {
  const { kind, source } = dataset
  if (source === "synthetic") return ingestSynthetic(Schema.decodeSync(SyntheticConfig)(settings), {}, label)
  const { fields, strict, tags, topics } = settings
  const named = { strict, fields, tags, topics, leaveOutOwn, ...(kind === undefined ? {} : { kind }) }
  const known = publicCollection(source)
  if (known !== undefined) {
    const { files } = download({ dataset: source }, {}, label)
    return ingest({ layout: known.layout, ...named }, { files }, label)
  }
  const folder = resolve(source)
  if (!existsSync(folder) && !/^[./~]/.test(source)) {
    throw new UnknownDataset({ name: source, known: ["synthetic", ...publicNames] })
  }
  const layout = recogniseLayout(folder, settings.splits)
  const files = sourceFiles({ name: `files${label ?? ""}`, root: folder, files: layoutFiles(layout) })
  return ingest({ layout, ...named }, { files }, label)
}
