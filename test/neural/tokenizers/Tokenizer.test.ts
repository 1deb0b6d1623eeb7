import { existsSync, readFileSync } from "node:fs"
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { openTokenizer, sentinelOf, type Tokenizer } from "../../../neural/tokenizers/index.ts"
import { openLibrary } from "../../../neural/tokenizers/library.ts"
import { readSentencePiece } from "../../../neural/tokenizers/SentencePieceModel.ts"
import { tokenizerJson } from "../../../neural/tokenizers/tokenizerJson.ts"
import { corpusTexts, fromModel, open, reference, sharedData, sharedModels } from "./support.ts"

interface Golden {
  readonly texts: Array<string>
  readonly rulesExtra: Array<string>
  readonly bertExtra: Array<string>
  readonly bertPairs: Array<{ readonly ids: Array<number>; readonly types: Array<number> }>
  readonly [tokenizer: string]: Array<unknown>
}
const golden: Golden = JSON.parse(readFileSync(join(reference, "golden.json"), "utf8"))

const expectGolden = (tokenizer: Tokenizer, name: string, extra: ReadonlyArray<string> = []): void => {
  let compared = 0
  for (const [i, text] of [...golden.texts, ...extra].entries()) {
    // Null where two segmentations tie, and the reference's choice is a matter of rounding.
    const expected = golden[name]?.[i]
    if (expected === null) continue
    // Twice: the second time from memory.
    for (const turn of ["first", "again"])
      expect([...tokenizer.encode(text)], `${turn} ${JSON.stringify(text)}`).toEqual(expected)
    compared++
  }
  expect(compared).toBeGreaterThan(185)
}

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "rankdag-tokenizers-"))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const failing = (path: string) => Effect.runPromise(Effect.flip(openTokenizer(path)))

describe("own fixtures", () => {
  it("N201 a unigram model in T5's manner encodes as SentencePiece does, with nmt_nfkc, Viterbi and fused unknowns", async () => {
    expectGolden(await open(join(reference, "unigram")), "unigram")
  })

  it("N202 a unigram model with rules of its own, byte fallback and user-defined pieces encodes as SentencePiece does", () => {
    expectGolden(fromModel(join(reference, "bytes.model")), "bytes")
  })

  it("N203 a BPE model in Gemma's manner encodes as SentencePiece does: user-defined pieces first, byte fallback, kept spaces", async () => {
    expectGolden(await open(join(reference, "bpe")), "bpe")
  })

  it("N204 unused pieces of a BPE model arise while merging and are taken apart again", () => {
    expectGolden(fromModel(join(reference, "unused.model")), "unused")
  })

  it("N205 a unigram tokenizer.json with precompiled rules encodes as Hugging Face's fast tokenizer does", async () => {
    expectGolden(await open(join(reference, "rules")), "rules", golden.rulesExtra)
  })

  it("N206 BERT's tokenizer, from tokenizer.json and from vocab.txt, encodes as Hugging Face's fast tokenizer does", async () => {
    expectGolden(await open(join(reference, "bert")), "bert", golden.bertExtra)
    const plain = await mkdtemp(join(folder, "vocab-"))
    await cp(join(reference, "bert", "vocab.txt"), join(plain, "vocab.txt"))
    expectGolden(await open(plain), "bert", golden.bertExtra)
  })

  it("N207 special ids are known by their part; T5's sentinels follow the pieces, counted downwards", async () => {
    const t5 = await open(join(reference, "unigram"))
    expect(t5.special).toMatchObject({ pad: 0, eos: 1, unk: 2, bos: undefined, cls: undefined })
    const size = t5.vocabularySize
    expect(sentinelOf(t5, 0)).toBe(size - 1)
    expect(sentinelOf(t5, 99)).toBe(size - 100)
    expect(t5.pieceOf(size - 1)).toBe("<extra_id_0>")
    expect([...t5.encode("<extra_id_10>")]).toEqual([size - 11])
    const gemma = await open(join(reference, "bpe"))
    expect(gemma.special).toMatchObject({ pad: 0, eos: 1, bos: 2, unk: 3 })
    expect(sentinelOf(gemma, 0)).toBeUndefined()
    const bert = await open(join(reference, "bert"))
    expect(bert.special).toEqual({ pad: 0, unk: 1, cls: 2, sep: 3, mask: 4, bos: undefined, eos: undefined })
    expect(bert.idOf("[SEP]")).toBe(3)
  })

  it("N208 property: what stands behind a space encodes the same on its own", async () => {
    const word = fc.oneof(
      fc.string({ maxLength: 8 }),
      fc.fullUnicodeString({ maxLength: 6 }),
      fc.constantFrom("the", "lighthouse", "<tag1>", "\n\n", "</s>", "[SEP]", "café", "\u0301x", "a\tb", "1874"),
    )
    const text = fc
      .array(word, { minLength: 1, maxLength: 6 })
      .map((words) => words.join(" ").replace(/^[\s\u2581]+|[\s\u2581]+$/gu, ""))
    for (const name of ["unigram", "bpe", "rules", "bert"]) {
      const tokenizer = await open(join(reference, name))
      const { encodeNext } = tokenizer
      if (encodeNext === undefined) throw new Error(`${name} does not decompose`)
      fc.assert(
        fc.property(text, text, (a, b) => {
          fc.pre(b !== "")
          expect([...tokenizer.encode(`Query: ${a} x ${b}`)]).toEqual([
            ...tokenizer.encode(`Query: ${a} x`),
            ...encodeNext(b),
          ])
        }),
        { numRuns: 120 },
      )
    }
  })

  it("N209 a long text without spaces takes time that grows as its length, and encodes as in parts", () => {
    const bpe = fromModel(join(reference, "bpe", "tokenizer.model"))
    const unit = "lighthouse0"
    const once = [...bpe.encode(unit)]
    const many = bpe.encode(unit.repeat(5_000))
    expect(many.length).toBe(once.length * 5_000)
    const unigram = fromModel(join(reference, "unigram", "spiece.model"))
    expect(unigram.encode(unit.repeat(5_000)).length).toBeGreaterThan(5_000)
  })
})

describe("bad input", () => {
  it("N210 a folder without a tokenizer, and files that are damaged, are refused with what to do", async () => {
    const empty = await mkdtemp(join(folder, "empty-"))
    expect((await failing(empty)).message).toContain("none of tokenizer.json, spiece.model")
    expect((await failing(join(empty, "absent")))._tag).toBe("TokenizerInvalid")
    for (const [name, content] of [
      ["tokenizer.json", "{"],
      ["tokenizer.json", "[]"],
      ["tokenizer.json", `{"model":{"type":"Nonsense"}}`],
      ["tokenizer.json", `{"model":{"type":"BPE","vocab":{},"merges":[]},"added_tokens":[{"id":1e9,"content":"<x>"}]}`],
      ["spiece.model", "not protobuf"],
      ["vocab.txt", "a\nb\n"],
    ] as const) {
      const bad = await mkdtemp(join(folder, "bad-"))
      await writeFile(join(bad, name), content)
      const error = await failing(bad)
      expect(error._tag).toBe("TokenizerInvalid")
      expect(error.message).toContain(join(bad, name))
      expect(error.message).toContain("again")
    }
  })

  it("N211 whatever the bytes, the SentencePiece reader answers with a model or a problem, and never throws", () => {
    const valid = readFileSync(join(reference, "bytes.model"))
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        readSentencePiece(bytes)
      }),
      { numRuns: 500 },
    )
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 3 }),
        fc.nat(valid.length),
        (edits, cut) => {
          const file = Uint8Array.from(valid)
          for (const [at, byte] of edits) file[at] = byte
          readSentencePiece(file)
          readSentencePiece(file.subarray(0, cut))
        },
      ),
      { numRuns: 300 },
    )
  })

  it("N212 any string encodes, lone surrogates as the replacement character", async () => {
    for (const name of ["unigram", "bpe", "rules", "bert"]) {
      const tokenizer = await open(join(reference, name))
      fc.assert(
        fc.property(fc.string16bits({ maxLength: 12 }), (text) => {
          for (const id of tokenizer.encode(text)) expect(tokenizer.pieceOf(id)).toBeTypeOf("string")
        }),
        { numRuns: 300 },
      )
      expect([...tokenizer.encode("a\ud800b")]).toEqual([...tokenizer.encode("a\ufffdb")])
    }
  })
})

interface Case {
  readonly name: string
  readonly text: string
  readonly text_pair?: string
  readonly ids: Array<number>
}
const goldenOf = (name: string): Record<string, Array<Case>> => {
  const cases: Record<string, Array<Case>> = JSON.parse(
    readFileSync(join(sharedModels, "tokenizer-golden", name), "utf8"),
  )
  return cases
}

describe.skipIf(!existsSync(sharedModels))("published vectors (skipped without ../shared/models)", () => {
  it("N213 T5 from spiece.model: all 58 cases of t5-small", async () => {
    const bare = await mkdtemp(join(folder, "t5-"))
    await cp(join(sharedModels, "t5-tokenizer", "spiece.model"), join(bare, "spiece.model"))
    const t5 = await open(bare)
    expect(t5.vocabularySize).toBe(32100)
    expect(sentinelOf(t5, 10)).toBe(32089)
    expect([t5.idOf("\u2581true"), t5.idOf("\u2581false")]).toEqual([1176, 6136])
    const cases = goldenOf("t5.json")
    for (const name of ["Xenova/t5-small", "google-t5/t5-small"])
      for (const { text, ids } of cases[name] ?? [])
        expect([...t5.encode(text), t5.special.eos], JSON.stringify(text)).toEqual(ids)
  })

  it("N213 T5 from tokenizer.json: all 67 cases, those of newer conversions with their pre-tokenizers", () => {
    const base: { readonly normalizer: unknown } = JSON.parse(
      readFileSync(join(sharedModels, "t5-tokenizer", "tokenizer.json"), "utf8"),
    )
    const converted = (scheme: string): unknown => ({
      ...base,
      normalizer: {
        type: "Sequence",
        normalizers: [base.normalizer, { type: "Replace", pattern: { Regex: " {2,}" }, content: "\u2581" }],
      },
      pre_tokenizer: { type: "Metaspace", replacement: "\u2581", prepend_scheme: scheme, split: true },
    })
    const files: Record<string, unknown> = {
      "Xenova/t5-small": base,
      "google-t5/t5-small": base,
      "Xenova/t5-tokenizer-new": converted("first"),
      "Xenova/LaMini-Flan-T5-783M": converted("always"),
    }
    let count = 0
    for (const [name, cases] of Object.entries(goldenOf("t5.json"))) {
      const t5 = tokenizerJson(files[name], {}, {})
      if ("problem" in t5) throw new Error(t5.problem)
      for (const { text, ids } of cases) {
        expect([...t5.encode(text), t5.special.eos], `${name} ${JSON.stringify(text)}`).toEqual(ids)
        count++
      }
    }
    expect(count).toBe(67)
  })

  it("N213 Gemma 2 from tokenizer.model: all 37 cases", async () => {
    const gemma = await open(join(sharedModels, "gemma2-tokenizer"))
    expect(gemma.vocabularySize).toBe(256000)
    expect(gemma.special).toMatchObject({ pad: 0, eos: 1, bos: 2, unk: 3 })
    expect([gemma.idOf("<start_of_turn>"), gemma.idOf("<end_of_turn>")]).toEqual([106, 107])
    const cases = goldenOf("gemma2.json")["Xenova/gemma2-tokenizer"] ?? []
    expect(cases.length).toBe(37)
    for (const { text, ids } of cases)
      expect([gemma.special.bos, ...gemma.encode(text)], JSON.stringify(text)).toEqual(ids)
  })

  it("N213 BERT from tokenizer.json and from vocab.txt: all 30 cases", async () => {
    const bare = await mkdtemp(join(folder, "bert-"))
    await cp(join(sharedModels, "bert-uncased-tokenizer", "vocab.txt"), join(bare, "vocab.txt"))
    for (const path of [bare, join(sharedModels, "bert-uncased-tokenizer")]) {
      const bert = await open(path)
      const { cls, sep } = bert.special
      const cases = goldenOf("bert-uncased.json")["Xenova/bert-base-uncased"] ?? []
      expect(cases.length).toBe(30)
      for (const { text, text_pair: second, ids } of cases) {
        const rest = second === undefined ? [] : [...bert.encode(second), sep]
        expect([cls, ...bert.encode(text), sep, ...rest], JSON.stringify(text)).toEqual(ids)
      }
    }
  })

  it.skipIf(!existsSync(join(sharedData, "scifact")))(
    "N214 on real text (SciFact; skipped without ../shared/data) the library gives the same ids for BERT and T5",
    async () => {
      const texts = corpusTexts("scifact", 25)
      for (const name of ["bert-uncased-tokenizer", "t5-tokenizer"]) {
        const tokenizer = await open(join(sharedModels, name))
        const file: object = JSON.parse(readFileSync(join(sharedModels, name, "tokenizer.json"), "utf8"))
        const library = openLibrary(file, {})
        for (const text of texts)
          expect([...tokenizer.encode(text)]).toEqual(library.encode(text, { add_special_tokens: false }).ids)
      }
    },
  )
})
