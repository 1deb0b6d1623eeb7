/** Collections in: generated or read from files, as the tables passages, queries and qrels. */

import * as Schema from "effect/Schema"
import { stage } from "../../pipeline/index.ts"
import { Kinds, SyntheticConfig } from "../../schemas/index.ts"
import { IngestConfig } from "./Config.ts"

export {
  EmptyCollection,
  type IngestError,
  isIngestError,
  MalformedRow,
  UnknownLayout,
  UnreadableFile,
  UnusableQrels,
} from "./IngestError.ts"
export { Layout, layoutFiles, recogniseLayout, type SplitNames } from "./Layout.ts"
export { IngestConfig }

const tables = { passages: Kinds.Passages, queries: Kinds.Queries, qrels: Kinds.Qrels }

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

/** A collection read from files in one of the known layouts; wire it with `sourceFiles` of `layoutFiles(layout)`. */
export const ingest = stage({
  name: "ingest",
  config: IngestConfig,
  inputs: { files: Kinds.SourceFiles },
  outputs: tables,
  code: "stages/ingest/readCollection.ts",
  load: () => import("./readCollection.ts"),
  native: ["duckdb"],
})
