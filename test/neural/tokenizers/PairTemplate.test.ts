import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  checkVocabulary,
  monoT5Template,
  type PairInput,
  type PairTemplate,
  pairInput,
  rankT5Template,
  singleInput,
  type TextTemplate,
  type Tokenizer,
  t5GemmaTemplate,
} from "../../../neural/tokenizers/index.ts"
import { trimmed } from "../../../neural/tokenizers/Tokenizer.ts"
import type { Truncation } from "../../../schemas/index.ts"
import { corpusTexts, fromModel, open, reference, sharedData, sharedModels } from "./support.ts"

/** Query, passage, limit, strategy, ids and token types; no ids where transformers gives up. */
const Truncated = Schema.parseJson(
  Schema.Record({
    key: Schema.String,
    value: Schema.Array(
      Schema.Tuple(
        Schema.String,
        Schema.String,
        Schema.Number,
        Schema.Literal("longest_first", "only_second"),
        Schema.NullOr(Schema.Array(Schema.Number)),
        Schema.NullOr(Schema.Array(Schema.Number)),
      ),
    ),
  }),
)

const made = (template: PairTemplate, tokenizer: Tokenizer, limit = 512, truncation?: Truncation): PairInput =>
  Either.getOrThrowWith(pairInput(template, tokenizer, limit, "", truncation), (error) => error)

const refused = (template: PairTemplate, tokenizer: Tokenizer, limit = 512) =>
  Either.getOrThrowWith(Either.flip(pairInput(template, tokenizer, limit)), () => new Error("it was accepted"))

const joined = (input: PairInput, query: string, passage: string): Array<number> => {
  const ids = new Int32Array(input.limit)
  const length = input.write(input.query(query), input.passage(passage), ids, 0)
  return [...ids.subarray(0, length)]
}

/** The text that a template stands for, with an empty place left out. */
const joinedText = (template: TextTemplate, query: string, passage: string): string =>
  template.text
    .split(" ")
    .map((word) => (word === "{query}" ? trimmed(query) : word === "{document}" ? trimmed(passage) : word))
    .filter((word) => word !== "")
    .join(" ")

const anyText = fc
  .array(
    fc.oneof(
      fc.string({ maxLength: 8 }),
      fc.fullUnicodeString({ maxLength: 5 }),
      fc.constantFrom("the lighthouse", " ", "\n\n", "<tag1>", "\u2581x", "café", "\u0301"),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(" "))

describe("joining", () => {
  const templates: ReadonlyArray<TextTemplate> = [
    rankT5Template,
    monoT5Template,
    t5GemmaTemplate({ bos: false, eos: true }),
    { text: "{query} is answered by {document}", bos: false, eos: false },
    { text: "Document: {document} Query: {query}", bos: false, eos: true },
  ]

  it("N220 property: the joined ids of texts tokenized once are those of the joined text", async () => {
    for (const name of ["unigram", "bpe", "rules"]) {
      const tokenizer = await open(join(reference, name))
      fc.assert(
        fc.property(fc.constantFrom(...templates), anyText, anyText, (template, query, passage) => {
          fc.pre(trimmed(query) !== "")
          const eos = template.eos ? [tokenizer.special.eos] : []
          expect(joined(made(template, tokenizer), query, passage)).toEqual([
            ...tokenizer.encode(joinedText(template, query, passage)),
            ...eos,
          ])
        }),
        { numRuns: 150 },
      )
    }
  })

  it("N221 BERT's pairs and token types are those of Hugging Face's fast tokenizer, from its post-processor or the usual layout", async () => {
    const golden: { texts: Array<string>; bertPairs: Array<{ ids: Array<number>; types: Array<number> }> } = JSON.parse(
      readFileSync(join(reference, "golden.json"), "utf8"),
    )
    const bert = await open(join(reference, "bert"))
    for (const tokenizer of [bert, { ...bert, layouts: undefined }]) {
      const input = made("pair", tokenizer)
      expect(input.hasTypes).toBe(true)
      for (const [i, expected] of golden.bertPairs.entries()) {
        const [a = "", b = ""] = [golden.texts[i], golden.texts.at(-1 - i)]
        const [ids, types] = [new Int32Array(512).fill(-1), new Int32Array(512).fill(-1)]
        const length = input.write(input.query(a), input.passage(b), ids, 3, types)
        expect([...ids.subarray(3, 3 + length)], `${JSON.stringify(a)} + ${JSON.stringify(b)}`).toEqual(expected.ids)
        expect([...types.subarray(3, 3 + length)]).toEqual(expected.types)
        expect(ids[2]).toBe(-1)
        expect(ids[3 + length]).toBe(-1)
      }
    }
  })

  it.skipIf(!existsSync(sharedData) || !existsSync(sharedModels))(
    "N220 on real texts (NFCorpus; skipped without ../shared): T5, Gemma and their templates",
    async () => {
      const texts = corpusTexts("nfcorpus", 60)
      const t5 = await open(join(sharedModels, "t5-tokenizer"))
      const spiece = fromModel(join(sharedModels, "t5-tokenizer", "spiece.model"))
      const gemma = await open(join(sharedModels, "gemma2-tokenizer"))
      for (const [tokenizer, template] of [
        [t5, rankT5Template],
        [t5, monoT5Template],
        [spiece, monoT5Template],
        [gemma, t5GemmaTemplate({ bos: false, eos: false })],
        [gemma, t5GemmaTemplate({ bos: true, eos: true })],
      ] as const) {
        const input = made(template, tokenizer, 4096)
        for (const [i, passage] of texts.entries()) {
          const query = (texts.at(-1 - i) ?? "").slice(0, 40)
          expect(joined(input, query, passage)).toEqual([
            ...(template.bos ? [tokenizer.special.bos] : []),
            ...tokenizer.encode(joinedText(template, query, passage)),
            ...(template.eos ? [tokenizer.special.eos] : []),
          ])
        }
      }
    },
  )
})

describe("truncation", () => {
  it("N222 property: the passage alone is shortened, from its end; query, template and eos stay; length and truncation are told beforehand", async () => {
    const tokenizer = await open(join(reference, "unigram"))
    fc.assert(
      fc.property(anyText, anyText, fc.nat(50), (query, passage, more) => {
        const whole = made(monoT5Template, tokenizer, 4096)
        const limit = whole.around + 2 + more
        const input = made(monoT5Template, tokenizer, limit)
        const [q, p] = [input.query(query), input.passage(passage)]
        const fits = input.around + q.length < limit
        expect(input.hasRoom(q.length)).toBe(fits)
        if (!fits) return
        const full = joined(whole, query, passage)
        const cut = joined(input, query, passage)
        expect(cut.length).toBe(input.length(q.length, p.length))
        expect(cut.length).toBeLessThanOrEqual(limit)
        expect(input.truncates(q.length, p.length)).toBe(full.length > limit)
        const kept = p.length - (full.length - cut.length)
        const passageAt = full.length - p.length - tokenizer.encode("Relevant:").length - 1
        expect(cut).toEqual([...full.slice(0, passageAt + kept), ...full.slice(passageAt + p.length)])
      }),
      { numRuns: 300 },
    )
  })

  it("N410 property: in a layout the longer text is shortened first, then both in turn, as tokenizers 0.23 does it", async () => {
    const bert = await open(join(reference, "bert"))
    fc.assert(
      fc.property(fc.nat(40), fc.nat(40), fc.integer({ min: 5, max: 60 }), (q, p, limit) => {
        const input = made("pair", bert, limit)
        const room = limit - input.around
        // truncate_encodings of the library's utils/truncation.rs.
        const reference = (): readonly [number, number] => {
          if (q + p <= room) return [q, p]
          let [less, more] = [Math.min(q, p), Math.max(q, p)]
          more = less > room ? less : Math.max(less, room - less)
          if (less + more > room) {
            less = Math.floor(room / 2)
            more = less + (room % 2)
          }
          return q > p ? [more, less] : [less, more]
        }
        const [query, passage] = reference()
        expect(input.queryKept(q, p)).toBe(query)
        const ids = new Int32Array(limit)
        expect(input.write(new Int32Array(q).fill(7), new Int32Array(p).fill(8), ids, 0)).toBe(input.length(q, p))
        expect(ids.filter((id) => id === 7).length).toBe(query)
        expect(ids.filter((id) => id === 8).length).toBe(passage)
      }),
    )
  })

  it("N570 query, passage and token types are transformers' by longest_first (truncation=True) and only_second, for BERT, RoBERTa and T5", async () => {
    const golden = Schema.decodeSync(Truncated)(readFileSync(join(reference, "../truncation/golden.json"), "utf8"))
    const t5 = mkdtempSync(join(tmpdir(), "rankdag-test-"))
    copyFileSync(join(reference, "rules/tokenizer.json"), join(t5, "tokenizer.json"))
    writeFileSync(join(t5, "tokenizer_config.json"), '{ "tokenizer_class": "T5Tokenizer", "extra_ids": 0 }')
    const folders = {
      bert: join(reference, "bert"),
      roberta: join(reference, "../sentence-transformers/folders/bi-roberta"),
      t5,
    }
    for (const [name, folder] of Object.entries(folders)) {
      const tokenizer = await open(folder)
      let shortened = 0
      let givenUp = 0
      for (const [query, passage, limit, strategy, ids, types] of golden[name] ?? []) {
        const policy = strategy === "only_second" ? "passage" : "longest-first"
        const input = made("pair", tokenizer, limit, policy)
        const [q, p] = [input.query(query), input.passage(passage)]
        const [found, foundTypes] = [new Int32Array(limit), new Int32Array(limit)]
        const length = input.write(q, p, found, 0, foundTypes)
        const shown = `${name}, ${policy}, ${limit}: ${query} | ${passage}`
        if (ids === null) {
          // Where transformers gives up, the room is shared.
          expect(input.hasRoom(q.length) && p.length > 0, shown).toBe(false)
          expect(length, shown).toBe(limit)
          givenUp++
          continue
        }
        expect([...found.subarray(0, length)], shown).toEqual(ids)
        if (name === "bert") expect([...foundTypes.subarray(0, length)], shown).toEqual(types)
        if (policy === "longest-first") expect([...joined(made("pair", tokenizer, limit), query, passage)]).toEqual(ids)
        if (input.truncates(q.length, p.length)) shortened++
      }
      expect(shortened, name).toBeGreaterThan(10)
      expect(givenUp, name).toBeGreaterThan(1)
    }
    rmSync(t5, { recursive: true })
  })

  it("N571 query:<n> leaves a query its first n tokens, then the passage is shortened; of a text on its own it cuts queries", async () => {
    const tokenizer = await open(join(reference, "bert"))
    fc.assert(
      fc.property(
        fc.nat(40),
        fc.nat(40),
        fc.integer({ min: 5, max: 60 }),
        fc.integer({ min: 1, max: 50 }),
        (q, p, limit, n) => {
          const input = made("pair", tokenizer, limit, `query:${n}`)
          const room = limit - input.around
          const cut = Math.min(q, n)
          expect(input.hasRoom(q)).toBe(cut < room)
          const [query, passage] =
            cut < room ? [cut, Math.min(p, room - cut)] : [input.queryKept(q, p), input.passageKept(q, p)]
          expect([input.queryKept(q, p), input.passageKept(q, p)]).toEqual([query, passage])
          expect(query + passage).toBeLessThanOrEqual(room)
          // Nothing of the room is wasted on a text that would still fill it.
          expect(query === cut || query + passage === room).toBe(true)
          expect(input.truncates(q, p)).toBe(query < q || passage < p)
          expect(input.length(q, p)).toBe(input.around + query + passage)
          const single = Either.getOrThrow(singleInput(tokenizer, limit, "", `query:${n}`))
          expect(single.length(q)).toBe(single.around + Math.min(q, n, limit - single.around))
          expect(single.truncates(q)).toBe(q > Math.min(n, limit - single.around))
        },
      ),
    )
  })

  it("N223 a query that leaves no room for a passage shares it: the longer text is shortened first", async () => {
    const tokenizer = await open(join(reference, "unigram"))
    const input = made(rankT5Template, tokenizer, 20)
    const room = 20 - input.around
    const both = made(rankT5Template, tokenizer, 20, "longest-first")
    const query = "the lighthouse stands above the harbour at noon and remembers the council"
    const tokens = input.query(query).length
    expect(tokens).toBeGreaterThanOrEqual(room)
    expect(input.hasRoom(tokens)).toBe(false)
    const passage = "the ferry lies beside a granite bridge in winter"
    expect(joined(input, query, passage)).toEqual(joined(both, query, passage))
    expect(input.passageKept(tokens, input.passage(passage).length)).toBe(Math.ceil(room / 2))
    expect(input.queryKept(tokens, 0)).toBe(room)
  })

  it("N572 a limit within which a template leaves no room for a token of each text is an error that names both", async () => {
    const tokenizer = await open(join(reference, "unigram"))
    const { around } = made(rankT5Template, tokenizer)
    expect(Either.isRight(pairInput(rankT5Template, tokenizer, around + 2))).toBe(true)
    const error = refused(rankT5Template, tokenizer, around + 1)
    expect(error).toMatchObject({ _tag: "LimitTooSmall", around, limit: around + 1 })
    expect(error.message).toContain(rankT5Template.text)
    expect(refused("pair", await open(join(reference, "bert")), 4)).toMatchObject({ around: 3, limit: 4 })
  })

  it("N224 an empty passage or query leaves its place out", async () => {
    const tokenizer = await open(join(reference, "unigram"))
    expect(joined(made(rankT5Template, tokenizer), "a", " \n ")).toEqual([...tokenizer.encode("Query: a Document:"), 1])
    expect(joined(made(rankT5Template, tokenizer), "", "b")).toEqual([...tokenizer.encode("Query: Document: b"), 1])
    const bert = await open(join(reference, "bert"))
    const { cls, sep } = bert.special
    expect(joined(made("pair", bert), "", "")).toEqual([cls, sep, sep])
  })
})

describe("what is refused", () => {
  it("N225 a template that needs a special token which the tokenizer lacks names it", async () => {
    const t5 = await open(join(reference, "unigram"))
    const bert = await open(join(reference, "bert"))
    const bare = { ...t5, layouts: undefined }
    for (const [template, tokenizer, token] of [
      [{ ...rankT5Template, bos: true }, t5, "bos"],
      [rankT5Template, bert, "eos"],
      ["pair", bare, "cls"],
      [{ text: "[Q] {query} [D] {document}", bos: false, eos: true }, t5, "[Q]"],
      [{ text: "{query} {document} <extra_id_100>", bos: false, eos: true }, t5, "<extra_id_100>"],
    ] as const) {
      const error = refused(template, tokenizer)
      expect(error).toMatchObject({ _tag: "SpecialTokenMissing", token })
    }
    expect(Either.isRight(pairInput({ text: "{query} <extra_id_7> {document}", bos: false, eos: true }, t5, 9))).toBe(
      true,
    )
  })

  it("N226 a template without its places, with one twice, or with one against other text is refused", async () => {
    const t5 = await open(join(reference, "unigram"))
    for (const [text, problem] of [
      ["Query: {query}", "{document} exactly once"],
      ["{query} {query} {document}", "{query} exactly once"],
      ["Query:{query} {document}", "set it off by spaces"],
    ] as const) {
      const error = refused({ text, bos: false, eos: true }, t5)
      expect(error._tag).toBe("TemplateInvalid")
      expect(error.message).toContain(problem)
    }
    const whole = { ...t5, encodeNext: undefined }
    expect(refused(rankT5Template, whole).message).toContain("does not decompose at spaces")
  })

  it("N227 a vocabulary that is larger than the embedding is refused with both sizes", async () => {
    const t5 = await open(join(reference, "unigram"))
    expect(Either.isRight(checkVocabulary(t5, t5.vocabularySize))).toBe(true)
    const error = Either.getOrThrow(Either.flip(checkVocabulary(t5, t5.vocabularySize - 1)))
    expect(error).toMatchObject({ _tag: "VocabularyTooLarge", embeddingRows: t5.vocabularySize - 1 })
  })
})

describe("single texts", () => {
  it("N228 a text on its own stands in the tokenizer's layout, behind an optional prompt that is joined to it as it is", async () => {
    const bert = await open(join(reference, "bert"))
    const { cls, sep } = bert.special
    for (const tokenizer of [bert, { ...bert, layouts: undefined }]) {
      const input = Either.getOrThrow(singleInput(tokenizer, 8, "query:"))
      const text = input.text("  the lighthouse ")
      const ids = new Int32Array(8)
      expect(input.write(text, ids, 0)).toBe(input.length(text.length))
      const all = [cls, ...bert.encode("query: the lighthouse"), sep]
      expect(input.truncates(text.length)).toBe(all.length > 8)
      expect([...ids]).toEqual([...all.slice(0, 7), sep])
    }
    const joinedUp = Either.getOrThrow(singleInput(bert, 20, "light"))
    expect([...joinedUp.text("house")]).toEqual([...bert.encode("lighthouse")])
    expect(joinedUp.promptTokens).toBe(1 + bert.encode("light").length)
    const t5 = Either.getOrThrow(singleInput(await open(join(reference, "rules")), 64))
    const ids = new Int32Array(64)
    expect(t5.write(t5.text(""), ids, 0)).toBe(1)
    expect(ids[0]).toBe(1)
  })
})
