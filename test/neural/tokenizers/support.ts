import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { openTokenizer, type Tokenizer } from "../../../neural/tokenizers/index.ts"
import { sentencePiece } from "../../../neural/tokenizers/sentencePiece.ts"

export const reference = join(import.meta.dirname, "../../reference/tokenizers")
export const sharedModels = join(import.meta.dirname, "../../../../shared/models")
export const sharedData = join(import.meta.dirname, "../../../../shared/data")

export const open = (folder: string): Promise<Tokenizer> =>
  Effect.runPromise(Effect.map(openTokenizer(folder), (opened) => opened.tokenizer))

/** A tokenizer from a model file alone. */
export const fromModel = (path: string): Tokenizer => {
  const tokenizer = sentencePiece(readFileSync(path), { names: {}, added: new Map() })
  if ("problem" in tokenizer) throw new Error(tokenizer.problem)
  return tokenizer
}

/** Texts of a BEIR corpus in the shared data. */
export const corpusTexts = (name: string, count: number): Array<string> =>
  readFileSync(join(sharedData, name, "corpus.jsonl"), "utf8")
    .split("\n", count)
    .filter((line) => line !== "")
    .map((line) => {
      const { title, text }: { title?: string; text: string } = JSON.parse(line)
      return `${title ?? ""} ${text}`
    })
