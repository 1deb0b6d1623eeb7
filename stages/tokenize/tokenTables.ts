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
} from "../../neural/index.ts"
import {
  countRows,
  type Progress,
  type RowRange,
  readBatches,
  type Shard,
  type StoredArtifact,
  shardRange,
} from "../../pipeline/index.ts"
import { InputSpec, inputFile, type Kinds, passageText } from "../../schemas/index.ts"

/** A text under its qid or docid. */
export interface Named {
  readonly name: string
  readonly text: string
}

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

/** A tokenizer, and how the input of its model encodes texts. */
export const openEncoders = (folder: string) =>
  Effect.gen(function* () {
    const { tokenizer } = yield* openTokenizer(folder)
    return { tokenizer, ...(yield* encoders(folder, tokenizer)) }
  })

/** Which rows of a table are a part's; without one, all. */
export const rowsIn = (table: StoredArtifact, shard: Shard | undefined) =>
  Effect.gen(function* () {
    if (shard === undefined) return undefined
    return shardRange(shard, yield* countRows(table))
  })

/** The passages of a collection: title and text, joined. */
export const namedPassages = (passages: StoredArtifact<Kinds.Passages>, rows?: RowRange) =>
  Stream.map(readBatches(passages, ["docid", "title", "text"], rows), ({ docid, title, text }) =>
    docid.map((name, row): Named => ({ name, text: passageText(title[row] ?? null, text[row] ?? "") })),
  )

/** Writes the token ids of texts, in their order. */
export const writeTable = <E, R>(
  { folder, progress }: { readonly folder: string; readonly progress: (progress: Progress) => void },
  table: "queries" | "passages",
  rows: Stream.Stream<ReadonlyArray<Named>, E, R>,
  tokenizer: Tokenizer,
  encode: (text: string) => Int32Array,
) =>
  Effect.scoped(
    Effect.gen(function* () {
      const writer = yield* tokenTableWriter(folder, table, tokenizer.vocabularySize)
      let done = 0
      yield* Stream.runForEach(rows, (batch) => {
        done += batch.length
        progress({ done, unit: table })
        return writer.append(batch.map(({ name, text }) => [name, encode(text)] as const))
      })
      return yield* writer.finish
    }),
  )
