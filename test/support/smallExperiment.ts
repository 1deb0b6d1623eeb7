import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { wireCollections, wiring } from "../../cli/collections.ts"
import { readSettings } from "../../cli/Settings.ts"
import { experiment, type WiredDataset } from "../../experiment.ts"
import {
  type Artifact,
  type DuckDb,
  type PlanNode,
  readRows,
  type SourceNode,
  type StageError,
  type StageNode,
  type StoredArtifact,
} from "../../pipeline/index.ts"
import { type ArtifactKind, Kinds } from "../../schemas/index.ts"
import { storedFolder, temporaryFolder } from "./storedTable.ts"

/** A collection and a ranking of it, by name and text. */
export interface SmallCollection {
  readonly passages: Readonly<Record<string, string>>
  readonly queries: Readonly<Record<string, string>>
  /** Which passages are candidates, best first; all of them in their order where nothing is said. */
  readonly candidates?: Readonly<Record<string, ReadonlyArray<string>>>
  readonly test?: ReadonlyArray<readonly [qid: string, docid: string, grade: number]>
  readonly dev?: ReadonlyArray<readonly [qid: string, docid: string, grade: number]>
  readonly train?: ReadonlyArray<readonly [qid: string, docid: string, grade: number]>
}

/** Writes a BEIR folder and a TREC run whose scores fall by one from rank to rank. */
const writeCollection = ({ passages, queries, candidates, test, dev, train }: SmallCollection) => {
  const folder = join(temporaryFolder("collection"), "small")
  mkdirSync(join(folder, "qrels"), { recursive: true })
  const lines = (texts: Readonly<Record<string, string>>): string =>
    Object.entries(texts)
      .map(([_id, text]) => `${JSON.stringify({ _id, title: "", text })}\n`)
      .join("")
  writeFileSync(join(folder, "corpus.jsonl"), lines(passages))
  writeFileSync(join(folder, "queries.jsonl"), lines(queries))
  const qrels = (rows: ReadonlyArray<ReadonlyArray<unknown>>): string =>
    [["query-id", "corpus-id", "score"], ...rows].map((row) => `${row.join("\t")}\n`).join("")
  const everyQuery = Object.keys(queries).map((qid) => [qid, Object.keys(passages)[0], 1] as const)
  writeFileSync(join(folder, "qrels/test.tsv"), qrels(test ?? everyQuery))
  if (dev !== undefined) writeFileSync(join(folder, "qrels/dev.tsv"), qrels(dev))
  if (train !== undefined) writeFileSync(join(folder, "qrels/train.tsv"), qrels(train))
  const run = join(folder, "given.trec")
  const results = candidates ?? Object.fromEntries(Object.keys(queries).map((qid) => [qid, Object.keys(passages)]))
  writeFileSync(
    run,
    Object.entries(results)
      .flatMap(([qid, docids]) => docids.map((docid, i) => `${qid} Q0 ${docid} ${i + 1} ${docids.length - i} given\n`))
      .join(""),
  )
  return { folder, run }
}

/** What a node gave when it was executed. */
export interface Made {
  readonly outputs: Readonly<Record<string, StoredArtifact>>
  readonly facts: Readonly<Record<string, unknown>>
  readonly warnings: ReadonlyArray<string>
  /** Details of its progress, beside the counts. */
  readonly details: ReadonlyArray<string>
}

/** Executes nodes as they are wired, and before each what it reads; each once, without store and keys. */
export class Executor {
  readonly #made = new Map<string, Made>()

  make(node: PlanNode): Effect.Effect<Made, StageError, DuckDb> {
    return Effect.gen(this, function* () {
      const known = this.#made.get(node.name)
      if (known !== undefined) return known
      const made = node._tag === "SourceNode" ? sourceOf(node) : yield* this.#execute(node)
      this.#made.set(node.name, made)
      return made
    })
  }

  /** The warnings of the nodes that were made, by node. */
  get warnings(): ReadonlyMap<string, ReadonlyArray<string>> {
    return new Map([...this.#made].map(([name, { warnings }]) => [name, warnings]))
  }

  /** An artifact, once its node was executed. */
  artifact<K extends ArtifactKind>({ kind, node, output }: Artifact<K>) {
    return Effect.map(this.make(node), ({ outputs }) => storedFolder(kind, outputs[output]?.path ?? ""))
  }

  #execute(node: StageNode): Effect.Effect<Made, StageError, DuckDb> {
    return Effect.gen(this, function* () {
      const inputs: Record<string, ReadonlyArray<StoredArtifact>> = {}
      for (const { name, artifacts } of node.inputs) {
        inputs[name] = yield* Effect.forEach(artifacts, (artifact) => this.artifact(artifact))
      }
      const outputs = Object.fromEntries(
        Object.entries(node.stage.outputs).map(([name, kind]) => [name, storedFolder(kind, temporaryFolder(name))]),
      )
      const warnings: Array<string> = []
      const details: Array<string> = []
      const { facts } = yield* node.execute({
        inputs,
        outputs: Object.fromEntries(Object.entries(outputs).map(([name, { path }]) => [name, path])),
        scratch: temporaryFolder("scratch"),
        progress: ({ detail }) => details.push(detail ?? ""),
        warn: (message) => warnings.push(message),
        ...(node.shard === undefined ? {} : { shard: node.shard }),
      })
      return { outputs, facts: facts ?? {}, warnings, details }
    })
  }
}

const sourceOf = ({ root }: SourceNode): Made => ({
  outputs: { files: storedFolder(Kinds.SourceFiles, root) },
  facts: {},
  warnings: [],
  details: [],
})

/**
 * Wires an experiment over a small collection, whose given ranking is what is reranked, on the CPU.
 *
 * @param sets as `--set` takes them
 */
export const wireSmall = (collection: SmallCollection, models: ReadonlyArray<unknown>, ...sets: Array<string>) =>
  Effect.gen(function* () {
    const { folder, run } = writeCollection(collection)
    const settings = yield* readSettings({
      datasets: [folder],
      device: "cpu",
      sets: [
        'retrieve.systems=["bm25"]',
        "candidates.from=given",
        "rerank.threads=1",
        `rerank.models=${JSON.stringify(models)}`,
        ...sets,
      ],
    })
    const collections = yield* wireCollections(settings, [`given=${run}`])
    const { datasets } = yield* wiring(settings, () =>
      experiment(settings, collections, { device: "cpu", name: "test" }),
    )
    return datasets[0]!
  })

/** A system's node in a wired experiment. */
export const nodeNamed = ({ runs }: Pick<WiredDataset, "runs">, name: string): PlanNode => {
  const found = runs.find(({ node }) => node.name === name)
  if (found === undefined) throw new Error(`no node ${name} among ${runs.map(({ node }) => node.name).join(", ")}`)
  return found.node
}

/** What a node reads under a name. */
export const inputNamed = (node: PlanNode, name: string): Artifact => {
  const inputs = node._tag === "StageNode" ? node.inputs : []
  const artifact = inputs.find((input) => input.name === name)?.artifacts[0]
  if (artifact === undefined) throw new Error(`${node.name} reads no ${name}`)
  return artifact
}

/** A model's settings. */
interface SmallModel {
  readonly name: string
  readonly [setting: string]: unknown
}

/** Wires an experiment with one model and reranks with it: rows, and what the node said. */
export const rerankSmall = (collection: SmallCollection, model: SmallModel, ...sets: Array<string>) =>
  Effect.gen(function* () {
    const wired = yield* wireSmall(collection, [model], ...sets)
    const executor = new Executor()
    const node = nodeNamed(wired, `rerank.${model.name}`)
    const made = yield* executor.make(node)
    const rows = yield* readRows(storedFolder(Kinds.Run, made.outputs["run"]?.path ?? ""))
    return { ...made, rows, executor, node }
  })
