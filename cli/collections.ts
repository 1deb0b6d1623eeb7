import { existsSync, statSync } from "node:fs"
import { basename, join, resolve } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Collection } from "../experiment.ts"
import { type Artifact, sourceFiles } from "../pipeline/index.ts"
import { type DatasetConfig, didYouMean, type Experiment, type Kinds, SystemName } from "../schemas/index.ts"
import { importRun, ingest, ingestSynthetic, isIngestError, layoutFiles, recogniseLayout } from "../stages/ingest/index.ts"

/** There is no such collection. */
export class DatasetNotFound extends Schema.TaggedError<DatasetNotFound>()("DatasetNotFound", {
  source: Schema.String,
  known: Schema.Array(Schema.String),
}) {
  override get message(): string {
    return `--dataset ${this.source}: there is no such folder, and no public collection of that name.${didYouMean(this.source, this.known)}`
  }
}
