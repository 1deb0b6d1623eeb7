import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Schema from "effect/Schema"
import {
  type Artifact,
  layerDuckDb,
  type Outputs,
  readRows,
  type StageError,
  type StoredArtifact,
  sourceFiles,
} from "../../pipeline/index.ts"
import { CollectionConfig, type FieldNames, Kinds, type SyntheticConfig } from "../../schemas/index.ts"
import { ingest, ingestSynthetic, layoutFiles, recogniseLayout, type SplitNames } from "../../stages/ingest/index.ts"

type Tables = Outputs<{
  readonly passages: typeof Kinds.Passages
  readonly queries: typeof Kinds.Queries
  readonly qrels: typeof Kinds.Qrels
}>

/** One DuckDB for all runs of a test file: opening it costs more than a small collection does. */
const runtime = ManagedRuntime.make(layerDuckDb())

/** Runs one wired ingest node in a fresh folder, without the engine, and reads its tables back. */
const runNode = async (tables: Tables, inputs: Readonly<Record<string, ReadonlyArray<StoredArtifact>>>) => {
  const root = mkdtempSync(join(tmpdir(), "rankdag-ingest-"))
  const outputs = { passages: join(root, "passages"), queries: join(root, "queries"), qrels: join(root, "qrels") }
  for (const folder of Object.values(outputs)) mkdirSync(folder)
  const warnings: Array<string> = []
  const node = tables.passages.node
  if (node._tag !== "StageNode") throw new Error("no stage")
  const stored = <K extends (typeof Kinds)["Passages"] | (typeof Kinds)["Queries"] | (typeof Kinds)["Qrels"]>(
    artifact: Artifact<K>,
    path: string,
  ): StoredArtifact<K> => ({ kind: artifact.kind, hash: "", path, from: node.name })
  try {
    return await runtime.runPromise(
      Effect.gen(function* () {
        const given = {
          inputs,
          outputs,
          scratch: root,
          progress: () => {},
          warn: (message: string) => warnings.push(message),
        }
        const result = yield* node.execute(given)
        return {
          result,
          warnings,
          passages: yield* readRows(stored(tables.passages, outputs.passages)),
          queries: yield* readRows(stored(tables.queries, outputs.queries)),
          qrels: yield* readRows(stored(tables.qrels, outputs.qrels)),
        }
      }).pipe(Effect.either),
    )
  } finally {
    rmSync(root, { recursive: true })
  }
}

export type Ingested = Either.Either.Right<Awaited<ReturnType<typeof runNode>>>

/** Ingests a folder; what goes wrong comes back as a value. */
export const ingestFolder = async (
  folder: string,
  settings: {
    readonly splits?: SplitNames
    readonly strict?: boolean
    readonly kind?: "question" | "browse"
    readonly fields?: FieldNames
    readonly leaveOutOwn?: boolean
    readonly tags?: CollectionConfig["tags"]
    readonly topics?: string
  } = {},
): Promise<Either.Either<Ingested, StageError>> => {
  const defaults = Schema.decodeSync(CollectionConfig)({})
  const { kind, splits, strict = false, fields = {}, leaveOutOwn = false } = settings
  const { tags = defaults.tags, topics = defaults.topics } = settings
  let layout: ReturnType<typeof recogniseLayout>
  try {
    layout = recogniseLayout(folder, splits)
  } catch (error) {
    if (error instanceof Error && "_tag" in error && typeof error._tag === "string") {
      return Either.left({ _tag: error._tag, message: error.message })
    }
    throw error
  }
  const files = sourceFiles({ name: "files", root: folder, files: layoutFiles(layout) })
  const config = { layout, strict, fields, leaveOutOwn, tags, topics, ...(kind === undefined ? {} : { kind }) }
  return runNode(ingest(config, { files }), {
    files: [{ kind: Kinds.SourceFiles, hash: "", path: folder, from: "files" }],
  })
}

export const generate = async (config: SyntheticConfig): Promise<Ingested> =>
  Either.getOrThrow(await runNode(ingestSynthetic(config, {}), {}))
