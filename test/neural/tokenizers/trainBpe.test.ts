import { readFileSync } from "node:fs"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Either from "effect/Either"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { pairInput, rankT5Template, type TrainedBpe, trainBpe } from "../../../neural/tokenizers/index.ts"
import { open, reference } from "./support.ts"

interface Training {
  readonly sentences: Array<string>
  readonly size: number
  readonly vocab: Record<string, number>
  readonly merges: Array<[string, string]>
}
const training: Training = JSON.parse(readFileSync(join(reference, "bpe-training.json"), "utf8"))
const golden: { readonly texts: Array<string>; readonly trained: Array<Array<number>> } = JSON.parse(
  readFileSync(join(reference, "golden.json"), "utf8"),
)

const modelOf = (trained: TrainedBpe): { readonly vocab: Record<string, number>; readonly merges: unknown } => {
  const file: { readonly model: { readonly vocab: Record<string, number>; readonly merges: unknown } } = JSON.parse(
    trained["tokenizer.json"],
  )
  return file.model
}

const opened = async (trained: TrainedBpe) => {
  const folder = await mkdtemp(join(tmpdir(), "rankdag-bpe-"))
  for (const name of ["tokenizer.json", "tokenizer_config.json"] as const)
    await writeFile(join(folder, name), trained[name])
  const tokenizer = await open(folder)
  await rm(folder, { recursive: true })
  return tokenizer
}

describe("training", () => {
  it("N230 vocabulary and merges are those of Hugging Face's trainer on the same sentences", () => {
    const model = modelOf(trainBpe(training.sentences, { size: training.size }))
    expect(model.vocab).toEqual(training.vocab)
    expect(model.merges).toEqual(training.merges)
    expect(Object.keys(model.vocab)).toHaveLength(training.size)
  })

  it("N230 the trained tokenizer encodes as Hugging Face's tokenizer does", async () => {
    const tokenizer = await opened(trainBpe(training.sentences, { size: training.size }))
    for (const [i, text] of golden.texts.entries())
      expect([...tokenizer.encode(text)], JSON.stringify(text)).toEqual(golden.trained[i])
  })

  it("N231 the same texts give the same bytes, in whatever order they come", () => {
    const trained = trainBpe(training.sentences, { size: 200 })
    fc.assert(
      fc.property(fc.shuffledSubarray(training.sentences, { minLength: training.sentences.length }), (shuffled) => {
        expect(trainBpe(shuffled, { size: 200 })).toEqual(trained)
      }),
      { numRuns: 5 },
    )
  })

  it("N232 size, least count and characters are kept to; what has no entry is unknown", async () => {
    const sizes = [3, 10, 60, 5000].map(
      (size) => Object.keys(modelOf(trainBpe(training.sentences, { size })).vocab).length,
    )
    expect(sizes.slice(0, 3)).toEqual([3, 10, 60])
    expect(sizes[3]).toBeLessThan(2000)
    const few = modelOf(trainBpe(training.sentences, { size: 300, mostCharacters: 12 }))
    expect(Object.keys(few.vocab).filter((piece) => [...piece].length === 1)).toHaveLength(12)
    const frequent = modelOf(trainBpe(training.sentences, { size: 300, leastCount: 150 }))
    expect(Object.keys(frequent.vocab).length).toBeLessThan(
      Object.keys(modelOf(trainBpe(training.sentences, { size: 300 })).vocab).length,
    )
    const tokenizer = await opened(trainBpe(["abc abc"], { size: 20 }))
    expect(tokenizer.special).toMatchObject({ pad: 0, eos: 1, unk: 2 })
    expect([...tokenizer.encode("abc z")]).toEqual([tokenizer.idOf("\u2581abc"), tokenizer.idOf("\u2581"), 2])
    expect(trainBpe([], { size: 100 })["tokenizer.json"]).toContain("<unk>")
  })

  it("N233 a word is the same beside punctuation, and pairs join exactly", async () => {
    const tokenizer = await opened(trainBpe(training.sentences, { size: 280 }))
    const word = [...tokenizer.encode("lighthouse")]
    expect([...tokenizer.encode("«Lighthouse»")].slice(1, -1)).toEqual(word)
    const input = Either.getOrThrow(pairInput(rankT5Template, tokenizer, 200))
    fc.assert(
      fc.property(fc.fullUnicodeString({ minLength: 1 }), fc.constantFrom(...training.sentences), (query, passage) => {
        const bare = query.replace(/^[\s\u2581]+|[\s\u2581]+$/gu, "")
        fc.pre(bare !== "")
        const ids = new Int32Array(200)
        const length = input.write(input.query(query), input.passage(passage), ids, 0)
        expect([...ids.subarray(0, length)]).toEqual([...tokenizer.encode(`Query: ${bare} Document: ${passage}`), 1])
      }),
      { numRuns: 100 },
    )
  })
})
