import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { TokenTable } from "../../neural/index.ts"
import {
  type DuckDb,
  type DuckDbError,
  readBatches,
  type Shard,
  type StoredArtifact,
  shardRange,
} from "../../pipeline/index.ts"
import type { Kinds } from "../../schemas/index.ts"
import { TextMissing } from "./RerankError.ts"

/** The pairs to be scored, query by query in the candidates' order. Texts are positions in the tables of tokens. */
export interface Pairs {
  readonly count: number
  readonly qids: ReadonlyArray<string>
  /** The text of each query. */
  readonly queryTexts: Uint32Array
  /** Where each query's pairs begin, and at last their number. */
  readonly starts: Uint32Array
  /** The query of each pair, a position in `qids`. */
  readonly queryOf: Uint32Array
  /** The passage of each pair. */
  readonly passages: Uint32Array
}

/**
 * Reads the candidates as pairs of tokenized texts; 8 bytes a pair. Queries are taken whole, in the candidates' order.
 *
 * @param which.first how many pairs, from the first on; left out, all
 * @param which.shard of which part of the queries; left out, of all
 */
export const readPairs = (
  candidates: StoredArtifact<Kinds.Candidates>,
  tokens: { readonly queries: TokenTable; readonly passages: TokenTable },
  which: { readonly first?: number | undefined; readonly shard?: Shard | undefined } = {},
): Effect.Effect<Pairs, DuckDbError | TextMissing, DuckDb> =>
  Effect.gen(function* () {
    let queryOf = new Uint32Array(1024)
    let passages = new Uint32Array(1024)
    const qids: Array<string> = []
    const queryTexts: Array<number> = []
    const starts: Array<number> = []
    let count = 0
    const { first = Number.POSITIVE_INFINITY, shard } = which
    const range = shard && shardRange(shard, yield* countQueries(candidates))
    let place = -1
    let last: string | undefined
    yield* Stream.runForEach(readBatches(candidates, ["qid", "docid"]), ({ docid, qid }) =>
      Effect.gen(function* () {
        while (count + qid.length > queryOf.length) {
          queryOf = enlarged(queryOf)
          passages = enlarged(passages)
        }
        for (let row = 0; row < qid.length && count < first; row++) {
          const query = qid[row]!
          if (query !== last) place++
          last = query
          if (range !== undefined && (place < range.from || place >= range.to)) continue
          const passage = tokens.passages.indexOf(docid[row]!)
          if (passage === undefined) return yield* new TextMissing({ table: "passages", name: docid[row]! })
          if (query !== qids.at(-1)) {
            const text = tokens.queries.indexOf(query)
            if (text === undefined) return yield* new TextMissing({ table: "queries", name: query })
            qids.push(query)
            queryTexts.push(text)
            starts.push(count)
          }
          queryOf[count] = qids.length - 1
          passages[count] = passage
          count++
        }
      }),
    )
    return {
      count,
      qids,
      queryTexts: Uint32Array.from(queryTexts),
      starts: Uint32Array.from([...starts, count]),
      queryOf: queryOf.subarray(0, count),
      passages: passages.subarray(0, count),
    }
  })

const countQueries = (candidates: StoredArtifact<Kinds.Candidates>) =>
  Effect.gen(function* () {
    let count = 0
    let last: string | undefined
    yield* Stream.runForEach(readBatches(candidates, ["qid"]), ({ qid }) =>
      Effect.sync(() => {
        for (const query of qid) {
          if (query !== last) count++
          last = query
        }
      }),
    )
    return count
  })

const enlarged = (array: Uint32Array): Uint32Array<ArrayBuffer> => {
  const larger = new Uint32Array(array.length * 2)
  larger.set(array)
  return larger
}
