import { existsSync } from "node:fs"
import { basename } from "node:path"
import type { DuckDBConnection } from "@duckdb/node-api"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ArtifactStore, manifestAnywhere, sqlString, tableSource } from "../pipeline/index.ts"
import { type Answer, passageText, type StoredStage } from "../schemas/index.ts"
import { uniteAnswers } from "../stages/candidates/index.ts"
import { openEncoder } from "../stages/encode/index.ts"
import { fuseAnswers } from "../stages/fuse/index.ts"
import { foldAnswer } from "../stages/passages/index.ts"
import { mixAnswers, openReranker } from "../stages/rerank/index.ts"
import { openSearchers } from "../stages/retrieve/index.ts"
import { isOfFirstResults } from "./LastRun.ts"
import { cellText, querySql } from "./SqlResult.ts"
import { tellMoved } from "./TablesElsewhere.ts"

/** A system of the last run that cannot answer a query that is typed. */
export class SystemNotAsked extends Schema.TaggedError<SystemNotAsked>()("SystemNotAsked", {
  system: Schema.String,
  why: Schema.String,
}) {
  override get message(): string {
    return `${this.system} cannot be asked: ${this.why}`
  }
}

/** A result of the last run. */
interface Node extends StoredStage {
  readonly node: string
  /** Content hashes of what it read, by the input's name. */
  readonly read: Readonly<Record<string, ReadonlyArray<string>>>
  /** Content hashes of what it made, by the output's name. */
  readonly made: Readonly<Record<string, string>>
}

/** How a system of the table comes to its ranking. `run` is the content hash of its run, which tells it from all others. */
type Ranker = { readonly run: string; readonly stored: StoredStage } & (
  | { readonly does: "search"; readonly encoder?: StoredStage }
  | { readonly does: "rerank"; readonly first: Ranker; readonly depth: number; readonly texts: string | undefined }
  | { readonly does: "fold"; readonly first: Ranker; readonly depth: number }
  | { readonly does: "mix"; readonly first: Ranker; readonly depth: number; readonly reranked: Ranker }
  | { readonly does: "fuse" | "unite"; readonly parts: ReadonlyArray<Ranker> }
)

/** A system of the last run's table, and how it ranks or why it cannot. */
export interface TypedSystem {
  readonly system: string
  readonly ranker: Ranker | SystemNotAsked
  /** Paths of the artifacts that it reads to answer: an index, a model. They may lie in the remote alone. */
  readonly opens: ReadonlyArray<string>
}

/** Brings what systems read to answer into the store's folder, where it lies in the remote. */
export const bringSystems = (systems: ReadonlyArray<TypedSystem>) =>
  Effect.gen(function* () {
    const { remote } = yield* ArtifactStore
    if (remote === undefined) return
    for (const { opens, system } of systems) {
      for (const path of opens) {
        if (yield* remote.bringHash(basename(path), tellMoved(system, remote.address))) continue
        const why = `what it reads is not in ${remote.address} as it should be; run the experiment again, and it is remade`
        return yield* new SystemNotAsked({ system, why })
      }
    }
  })

/** First stages that answer any query by what they read: which of it. */
const searchedBy: ReadonlyMap<string, ReadonlyArray<string>> = new Map([
  ["retrieve.bm25", ["index"]],
  ["retrieve.tfidf", ["index"]],
  ["retrieve.fields", ["indexes"]],
  ["retrieve.rm3", ["index", "passages"]],
  ["retrieve.rocchio", ["index", "passages"]],
  ["retrieve.wink-bm25", ["passages"]],
])

const Depth = Schema.Struct({ depth: Schema.Number })

/** The nodes of a collection in the last run, from the catalog and their manifests. */
const nodesOf = (connection: DuckDBConnection, collection: string) =>
  Effect.gen(function* () {
    const store = yield* ArtifactStore
    const { rows } = yield* querySql(connection, "SELECT node, stage, action_key FROM provenance")
    const named = rows.map(([node = "", stage = "", key = ""]) => ({
      node: cellText(node),
      stage: cellText(stage),
      key: cellText(key),
    }))
    const several = named.some(({ node }) => node.endsWith(`@${collection}`))
    const nodes: Array<Node> = []
    for (const { key, node, stage } of named) {
      if (several && node.includes("@") && !node.endsWith(`@${collection}`)) continue
      const found = yield* manifestAnywhere(store, stage, key)
      if (found === undefined) continue
      const { facts, key: document, outputs, provenance } = found
      const read = Object.fromEntries(
        Object.entries(provenance.inputs).map(([name, origins]) => [name, origins.map(({ hash }) => hash)]),
      )
      const inputs = Object.fromEntries(
        Object.entries(read).map(([name, hashes]) => [name, hashes.map(store.objectPath)]),
      )
      const made = Object.fromEntries(Object.entries(outputs).map(([name, { hash }]) => [name, hash]))
      nodes.push({ node, stage, config: document.config, facts, inputs, read, made })
    }
    return nodes
  })

/** The systems of the last run's table of a collection, in its order. */
export const typedSystems = (connection: DuckDBConnection, collection: string) =>
  Effect.gen(function* () {
    const nodes = yield* nodesOf(connection, collection)
    const evaluated = nodes.find(({ node, stage }) => stage === "evaluate" && !isOfFirstResults(node))
    /** The passages, where documents were split. */
    const texts = nodes.find(({ stage }) => stage === "passages.split")?.made["passages"]
    const store = yield* ArtifactStore
    const makerOf = (output: string, hash: string | undefined): Node | undefined =>
      nodes.find(({ made }) => hash !== undefined && made[output] === hash)

    /** What each system opens: paths of artifacts. */
    const opened = new Map<string, Set<string>>()
    const present = (system: string, stored: StoredStage, names: ReadonlyArray<string>) =>
      Effect.forEach(names, (name) => {
        const [path = ""] = stored.inputs[name] ?? []
        if (!existsSync(path) && store.remote?.knows(basename(path)) !== true) {
          const why = `its ${name} is no longer in the store; run the experiment again, and it is remade`
          return new SystemNotAsked({ system, why })
        }
        opened.set(system, (opened.get(system) ?? new Set()).add(path))
        return Effect.void
      })
    const rankerOf = (system: string, run: string | undefined): Effect.Effect<Ranker, SystemNotAsked> =>
      Effect.gen(function* () {
        const stored = makerOf("run", run)
        const base = (
          candidates: string | undefined,
        ): Effect.Effect<{ readonly first: Ranker; readonly depth: number }, SystemNotAsked> =>
          Effect.gen(function* () {
            const maker = makerOf("candidates", candidates)
            if (maker === undefined) {
              const why = "its candidates are no longer in the store; run the experiment again, and they are remade"
              return yield* new SystemNotAsked({ system, why })
            }
            if (maker.stage === "candidates.union") {
              const parts = yield* Effect.forEach(maker.read["runs"] ?? [], (part) => rankerOf(system, part))
              const first: Ranker = { run: candidates ?? "", stored: maker, does: "unite", parts }
              return { first, depth: Number.POSITIVE_INFINITY }
            }
            if (maker.stage === "passages.candidates") {
              const passages = yield* base(maker.read["candidates"]?.[0])
              const first: Ranker = { run: candidates ?? "", stored: maker, does: "fold", ...passages }
              return { first, depth: Number.POSITIVE_INFINITY }
            }
            const first = yield* rankerOf(system, maker.read["run"]?.[0])
            const { depth } = yield* Effect.orDie(Schema.decodeUnknown(Depth)(maker.config))
            return { first, depth }
          })
        if (stored !== undefined && run !== undefined) {
          const of = { run, stored }
          const searched = searchedBy.get(stored.stage)
          if (searched !== undefined) {
            yield* present(system, stored, searched)
            return { ...of, does: "search" } as const
          }
          switch (stored.stage) {
            case "retrieve.sparse": {
              if ((stored.inputs["files"] ?? []).length > 0) {
                const why = "the weights of its queries were made elsewhere, of the collection's own queries alone"
                return yield* new SystemNotAsked({ system, why })
              }
              yield* present(system, stored, ["index"])
              return { ...of, does: "search" } as const
            }
            case "retrieve.dense": {
              const encoder = makerOf("vectors", stored.read["queryVectors"]?.[0])
              if (encoder?.stage !== "encode") {
                const why = "the vectors of its queries were made elsewhere, of the collection's own queries alone"
                return yield* new SystemNotAsked({ system, why })
              }
              yield* present(system, stored, ["passageVectors"])
              yield* present(system, encoder, ["model", "tokenizer"])
              return { ...of, does: "search", encoder } as const
            }
            case "rerank":
              yield* present(system, stored, ["model", "tokenizer"])
              return {
                ...of,
                does: "rerank",
                texts: texts === undefined ? undefined : store.objectPath(texts),
                ...(yield* base(stored.read["candidates"]?.[0])),
              } as const
            case "passages.fold": {
              const first = yield* rankerOf(system, stored.read["run"]?.[0])
              return { ...of, does: "fold", first, depth: Number.POSITIVE_INFINITY } as const
            }
            case "interpolate": {
              const reranked = yield* rankerOf(system, stored.read["run"]?.[0])
              return { ...of, does: "mix", ...(yield* base(stored.read["candidates"]?.[0])), reranked } as const
            }
            case "fuse": {
              const parts = yield* Effect.forEach(stored.read["runs"] ?? [], (part) => rankerOf(system, part))
              return { ...of, does: "fuse", parts } as const
            }
            default:
          }
        }
        const why =
          stored === undefined || stored.stage === "import"
            ? "it rests on a run of another tool, which answers only the queries that it was run on"
            : `a search cannot repeat what the stage ${stored.stage} does`
        return yield* new SystemNotAsked({ system, why })
      })

    const { rows } = yield* querySql(
      connection,
      `SELECT DISTINCT system FROM runs WHERE dataset = ${sqlString(collection)}`,
    )
    const names = rows.flat().map(cellText)
    const nameOf = (run: string): string => {
      const maker = makerOf("run", run)
      if (maker === undefined) return ""
      const { config, stage } = maker
      if (stage === "passages.fold") return nameOf(maker.read["run"]?.[0] ?? "")
      const own = typeof config === "object" && config !== null && "system" in config ? config.system : undefined
      return typeof own === "string" ? own : stage.slice(stage.indexOf(".") + 1)
    }
    const found = yield* Effect.forEach(evaluated?.read["runs"] ?? [], (run) => {
      const system = nameOf(run)
      return Effect.map(Effect.merge(rankerOf(system, run)), (ranker): TypedSystem => {
        return { system, ranker, opens: [...(opened.get(system) ?? [])] }
      })
    })
    const known = found.filter(({ system }) => names.includes(system))
    const others = names.filter((name) => !known.some(({ system }) => system === name)).toSorted()
    return [
      ...known,
      ...others.map((system): TypedSystem => {
        const why = "how its run was made is not in the store; run the experiment again"
        return { system, ranker: new SystemNotAsked({ system, why }), opens: [] }
      }),
    ]
  })

/** What a system found for a typed query. */
export interface TypedAnswer {
  readonly system: string
  readonly answer: Answer
  /** What is to be told of how it ranked this query. */
  readonly told: ReadonlyArray<string>
  /** What it took, with the first stage and whatever else it rests on, without opening index and model. */
  readonly seconds: number
}

const partsOf = (ranker: Ranker): ReadonlyArray<Ranker> => {
  switch (ranker.does) {
    case "search":
      return [ranker]
    case "rerank":
    case "fold":
      return [...partsOf(ranker.first), ranker]
    case "mix":
      return [...partsOf(ranker.first), ...partsOf(ranker.reranked), ranker]
    case "fuse":
    case "unite":
      return [...ranker.parts.flatMap(partsOf), ranker]
  }
}

/**
 * Texts of passages by docid, title and all.
 *
 * @param among the folder of their table, where it is not the collection's
 */
export const passagesOf = (
  connection: DuckDBConnection,
  collection: string,
  docids: ReadonlyArray<string>,
  among?: string,
) =>
  Effect.gen(function* () {
    const texts = new Map<string, { readonly title: string | null; readonly text: string }>()
    if (docids.length === 0) return texts
    const { rows } = yield* querySql(
      connection,
      `SELECT docid, title, text FROM ${
        among === undefined
          ? `passages WHERE dataset = ${sqlString(collection)}`
          : `${tableSource({ path: among })} WHERE true`
      } AND docid IN (${docids.map(sqlString).join(", ")})`,
    )
    for (const [docid = "", title = null, text = ""] of rows) {
      texts.set(cellText(docid), { title: title === null ? null : cellText(title), text: cellText(text) })
    }
    return texts
  })

/** Opens what systems need, each index and model once; closed with the scope. Gives what answers one query after another. */
export const openSystems = (
  connection: DuckDBConnection,
  collection: string,
  systems: ReadonlyArray<{ readonly system: string; readonly ranker: Ranker }>,
) =>
  Effect.gen(function* () {
    const distinct = new Map(systems.flatMap(({ ranker }) => partsOf(ranker)).map((part) => [part.run, part]))
    const rankers = [...distinct.values()]
    const searching = rankers.filter((ranker) => ranker.does === "search")
    const encoders = yield* Effect.cachedFunction(openEncoder)
    const asked = yield* Effect.forEach(searching, ({ encoder, stored }) =>
      encoder === undefined
        ? Effect.succeed({ stored })
        : Effect.map(encoders(encoder), (encode) => ({ stored, encode })),
    )
    const opened = yield* openSearchers(asked)
    const reranking = rankers.filter(({ does }) => does === "rerank")
    const models = yield* Effect.forEach(reranking, ({ stored }) => openReranker(stored))

    return (query: string) =>
      Effect.gen(function* () {
        /** What was worked out for this query, each with what it took by itself. */
        const done = new Map<string, { readonly answer: Answer; readonly seconds: number }>()
        const reading = new Map<string, number>()
        const texts = new Map<string, string>()
        const told = new Map<string, ReadonlyArray<string>>()
        const timed = <E, R>(run: string, work: Effect.Effect<Answer, E, R>) =>
          Effect.gen(function* () {
            const [took, answer] = yield* Effect.timed(work)
            done.set(run, { answer, seconds: Duration.toSeconds(took) })
          })
        const answerOf = ({ run }: Ranker): Answer => done.get(run)?.answer ?? []
        const candidatesOf = ({ depth, first }: Extract<Ranker, { readonly depth: number }>): Answer =>
          answerOf(first).slice(0, depth)
        for (const ranker of rankers) {
          switch (ranker.does) {
            case "search":
              yield* timed(ranker.run, opened[searching.indexOf(ranker)]!(query))
              break
            case "rerank": {
              const candidates = candidatesOf(ranker)
              if (!reading.has(ranker.first.run)) {
                const docids = candidates.map(({ docid }) => docid)
                const [took, read] = yield* Effect.timed(passagesOf(connection, collection, docids, ranker.texts))
                for (const [docid, { text, title }] of read) texts.set(docid, passageText(title, text))
                reading.set(ranker.first.run, Duration.toSeconds(took))
              }
              const passages = candidates.map(({ docid }) => ({ docid, text: texts.get(docid) ?? "" }))
              const reranked = Effect.map(models[reranking.indexOf(ranker)]!(query, passages), (found) => {
                told.set(ranker.run, found.told)
                return found.answer
              })
              yield* timed(ranker.run, reranked)
              break
            }
            case "fold":
              yield* timed(ranker.run, foldAnswer(ranker.stored, candidatesOf(ranker)))
              break
            case "mix":
              yield* timed(ranker.run, mixAnswers(ranker.stored, candidatesOf(ranker), answerOf(ranker.reranked)))
              break
            case "fuse":
              yield* timed(ranker.run, fuseAnswers(ranker.stored, ranker.parts.map(answerOf)))
              break
            case "unite":
              yield* timed(ranker.run, uniteAnswers(ranker.stored, ranker.parts.map(answerOf)))
              break
          }
        }
        return systems.map(({ ranker, system }): TypedAnswer => {
          const parts = new Map(partsOf(ranker).map((part) => [part.run, part]))
          let seconds = 0
          const read = new Set<string>()
          for (const part of parts.values()) {
            seconds += done.get(part.run)?.seconds ?? 0
            if (part.does === "rerank") read.add(part.first.run)
          }
          for (const run of read) seconds += reading.get(run) ?? 0
          const about = [...parts.keys()].flatMap((run) => told.get(run) ?? [])
          return { system, answer: answerOf(ranker), told: about, seconds }
        })
      })
  })
