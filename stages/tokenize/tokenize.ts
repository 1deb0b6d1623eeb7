import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { writeTokensHeader } from "../../neural/index.ts"
import {
  DuckDb,
  duckDbPromise,
  readBatches,
  type StageContext,
  type StoredArtifact,
  tableSource,
} from "../../pipeline/index.ts"
import type { TokenizeConfig, tokenizeInputs, tokenizeOutputs } from "./contract.ts"
import { namedPassages, openEncoders, rowsIn, writeTable } from "./tokenTables.ts"

type Context = StageContext<TokenizeConfig, typeof tokenizeInputs, typeof tokenizeOutputs>

/** The qids and docids that the candidates name. */
const namedBy = (candidates: ReadonlyArray<StoredArtifact>) =>
  Effect.gen(function* () {
    const connection = yield* (yield* DuckDb).connect
    const distinct = (column: string) => {
      const every = candidates.map((each) => `SELECT ${column} FROM ${tableSource(each)}`).join(" UNION ALL ")
      const sql = `SELECT DISTINCT ${column} FROM (${every})`
      return Effect.map(
        duckDbPromise(connection, sql, async () => (await connection.runAndReadAll(sql)).getColumns()[0] ?? []),
        (values) => new Set(values.map(String)),
      )
    }
    return { qids: yield* distinct("qid"), docids: yield* distinct("docid") }
  }).pipe(Effect.scoped)

/** Tokenizes what the candidates name, each text once. */
export const run = ({ config, inputs, outputs, progress, shard }: Context) =>
  Effect.gen(function* () {
    const { passage, query, tokenizer } = yield* openEncoders(inputs.tokenizer.path)
    const { docids, qids } = yield* namedBy(inputs.candidates)
    const everyPassage = config.passages === "all"
    const queryRows = yield* rowsIn(inputs.queries, shard)
    const queries = Stream.map(readBatches(inputs.queries, ["qid", "text"], queryRows), ({ qid, text }) =>
      qid.map((name, row) => ({ name, text: text[row] ?? "" })).filter(({ name }) => qids.has(name)),
    )
    const passageRows = yield* rowsIn(inputs.passages, shard)
    const passages = Stream.map(namedPassages(inputs.passages, passageRows), (batch) =>
      batch.filter(({ name }) => everyPassage || docids.has(name)),
    )
    const target = { folder: outputs.tokens, progress }
    const counts = {
      queries: yield* writeTable(target, "queries", queries, tokenizer, query),
      passages: yield* writeTable(target, "passages", passages, tokenizer, passage),
    }
    yield* writeTokensHeader(outputs.tokens, tokenizer.vocabularySize, counts)
    return {
      facts: {
        queries: counts.queries.texts,
        passages: counts.passages.texts,
        tokens: counts.queries.tokens + counts.passages.tokens,
        tokenizer: tokenizer.description,
      },
    }
  })
