import { readFile } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import {
  openTokenizer,
  pairInput,
  singleInput,
  type Tokenizer,
  TokenizerInvalid,
  tokenTableWriter,
  writeTokensHeader,
} from "../../neural/index.ts"
import {
  DuckDb,
  duckDbPromise,
  readBatches,
  type StageContext,
  type StoredArtifact,
  tableSource,
} from "../../pipeline/index.ts"
import { InputSpec, inputFile, passageText } from "../../schemas/index.ts"
import type { TokenizeConfig, tokenizeInputs, tokenizeOutputs } from "./contract.ts"

type Context = StageContext<TokenizeConfig, typeof tokenizeInputs, typeof tokenizeOutputs>

/** How the model's input encodes a query and a passage. */
const encoders = (folder: string, tokenizer: Tokenizer) =>
  Effect.gen(function* () {
    const path = join(folder, inputFile)
    const json = yield* Effect.tryPromise({
      try: () => readFile(path, "utf8"),
      catch: (cause) => new TokenizerInvalid({ path, problem: String(cause), remedy: "Run the model's stage again." }),
    })
    const { maximumTokens, texts } = yield* Schema.decode(Schema.parseJson(InputSpec))(json)
    if (texts.kind === "pair") {
      const { passage, query } = yield* pairInput(texts.template, tokenizer, maximumTokens, texts.queryPrefix)
      return { passage, query }
    }
    const query = yield* singleInput(tokenizer, maximumTokens, texts.queryPrefix)
    const passage = yield* singleInput(tokenizer, maximumTokens, texts.passagePrefix)
    return { passage: passage.text, query: query.text }
  })

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

interface Named {
  readonly name: string
  readonly text: string
}

/** Writes the token ids of texts, in their order. */
const writeTable = <E, R>(
  context: Context,
  table: "queries" | "passages",
  rows: Stream.Stream<ReadonlyArray<Named>, E, R>,
  tokenizer: Tokenizer,
  encode: (text: string) => Int32Array,
) =>
  Effect.scoped(
    Effect.gen(function* () {
      const writer = yield* tokenTableWriter(context.outputs.tokens, table, tokenizer.vocabularySize)
      let done = 0
      yield* Stream.runForEach(rows, (batch) => {
        done += batch.length
        context.progress({ done, unit: table })
        return writer.append(batch.map(({ name, text }) => [name, encode(text)] as const))
      })
      return yield* writer.finish
    }),
  )

/** Tokenizes what the candidates name, each text once. */
export const run = (context: Context) =>
  Effect.gen(function* () {
    const { config, inputs, outputs } = context
    const { tokenizer } = yield* openTokenizer(inputs.tokenizer.path)
    const encode = yield* encoders(inputs.tokenizer.path, tokenizer)
    const { docids, qids } = yield* namedBy(inputs.candidates)
    const everyPassage = config.passages === "all"
    const queries = Stream.map(readBatches(inputs.queries, ["qid", "text"]), ({ qid, text }) =>
      qid.map((name, row) => ({ name, text: text[row] ?? "" })).filter(({ name }) => qids.has(name)),
    )
    const passages = Stream.map(readBatches(inputs.passages, ["docid", "title", "text"]), ({ docid, title, text }) =>
      docid
        .map((name, row) => ({ name, text: passageText(title[row] ?? null, text[row] ?? "") }))
        .filter(({ name }) => everyPassage || docids.has(name)),
    )
    const counts = {
      queries: yield* writeTable(context, "queries", queries, tokenizer, encode.query),
      passages: yield* writeTable(context, "passages", passages, tokenizer, encode.passage),
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
