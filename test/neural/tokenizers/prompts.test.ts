import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { openTokenizer, type PairInput, pairInput } from "../../../neural/tokenizers/index.ts"
import { compilePrompt } from "../../../neural/tokenizers/promptParts.ts"
import type { PairTemplate, PromptTemplate } from "../../../schemas/index.ts"
import { promptNamed } from "../../../stages/model/knownPrompts.ts"

const folder = join(import.meta.dirname, "../../reference/prompts")
const Ids = Schema.Array(Schema.Number)
/** What `test/reference/prompts/generate.py` made. */
const Golden = Schema.parseJson(
  Schema.Struct({
    texts: Schema.Array(Schema.Struct({ text: Schema.String, ids: Ids })),
    pairs: Schema.Array(
      Schema.Struct({
        query: Schema.String,
        passage: Schema.String,
        limit: Schema.Number,
        qwen: Ids,
        mxbai: Schema.optional(Ids),
      }),
    ),
  }),
)
const golden = Schema.decodeSync(Golden)(readFileSync(join(folder, "golden.json"), "utf8"))
const { tokenizer } = await Effect.runPromise(openTokenizer(join(folder, "qwen3-reranker")))

const idsOf = (input: PairInput, query: string, passage: string): ReadonlyArray<number> => {
  const [queryIds, passageIds] = [input.query(query), input.passage(passage)]
  const ids = new Int32Array(input.length(queryIds.length, passageIds.length))
  expect(input.write(queryIds, passageIds, ids, 0)).toBe(ids.length)
  return [...ids]
}

const inputFor = (template: PairTemplate, limit = 8192) => Either.getOrThrow(pairInput(template, tokenizer, limit))

const known = (name: string): PairTemplate => {
  const prompt = promptNamed(name)
  if (prompt === undefined) throw new Error(`no prompt is called ${name}`)
  return prompt.template(prompt.instruction ?? "")
}

const prompt = (...parts: readonly [string, ...Array<string>]): PromptTemplate => ({ parts, bos: false, eos: false })

/** Texts of what words and their ends are made of. */
const text = fc
  .array(
    fc.constantFrom(
      " ",
      "  ",
      "\n",
      "\r\n",
      "\t",
      "a",
      "it's",
      "Wool",
      "?",
      ":",
      "12",
      "\u0301",
      "\u4e2d",
      "\x85",
      "<|im_end|>",
      "\u00a0",
      ".",
    ),
    {
      maxLength: 9,
    },
  )
  .map((parts) => parts.join(""))

describe("prompts", () => {
  it("N548 texts have the ids that tokenizers gives them, words remembered or not", () => {
    expect(tokenizer.splitsBeforeSpaces).toBe(true)
    for (let round = 0; round < 2; round++) {
      for (const { ids, text: each } of golden.texts) expect([each, [...tokenizer.encode(each)]]).toEqual([each, ids])
    }
  })

  it("N548 a text falls apart before a space that follows no white space, whatever stands on both sides", () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        const before = `${a}x`
        const whole = [...tokenizer.encode(`${before} ${b}`)]
        expect([...tokenizer.encode(before), ...tokenizer.encode(` ${b}`)]).toEqual(whole)
      }),
    )
  })

  it("N544 N546 the ids of pairs are those of Qwen3-Reranker's and mxbai-rerank-v2's own ways, token for token", () => {
    const mxbai = inputFor(known("mxbai-rerank-v2"))
    for (const { limit, mxbai: parts, passage, query, qwen } of golden.pairs) {
      const input = inputFor(known("qwen3-reranker"), limit)
      expect([query, passage, limit, idsOf(input, query, passage)]).toEqual([query, passage, limit, qwen])
      if (parts !== undefined) expect([query, passage, idsOf(mxbai, query, passage)]).toEqual([query, passage, parts])
    }
    expect(golden.pairs.some(({ limit, qwen }) => qwen.length === limit)).toBe(true)
  })

  it("N544 the joined ids are those of the whole part", () => {
    const parts = [
      "Q: {query}\n<Document>: {document}",
      "{query} is it: {document}",
      "a\n {query}?\n x {document}",
    ] as const
    const inputs = parts.map((part) => ({ part, input: inputFor(prompt(part)) }))
    fc.assert(
      fc.property(text, text, (query, passage) => {
        for (const { input, part } of inputs) {
          const whole = part.replace("{query}", () => query).replace("{document}", () => passage)
          expect(idsOf(input, query, passage)).toEqual([...tokenizer.encode(whole)])
        }
      }),
    )
  })

  it("N544 a query that is cut keeps the words behind it", () => {
    const template = prompt("Q: {query}\n<Document>: {document}")
    const behind = [...tokenizer.encode("\n<Document>:")]
    const [query, passage] = ["wool ".repeat(40), "sheep ".repeat(40)]
    const around = inputFor(template).around
    const input = Either.getOrThrow(pairInput(template, tokenizer, around + 20, "", "longest-first"))
    const ids = idsOf(input, query, passage)
    expect(ids).toHaveLength(around + 20)
    const begin = tokenizer.encode("Q:").length
    expect(ids.slice(begin + 10 - behind.length, begin + 10)).toEqual(behind)
    expect(ids.slice(begin, begin + 10 - behind.length)).toEqual([...input.query(query)].slice(0, 10 - behind.length))
  })

  const refused: ReadonlyArray<readonly [PromptTemplate, RegExp]> = [
    [prompt("only {query}"), /must have \{document\} exactly once/],
    [prompt("{query} {query} {document}"), /must have \{query\} exactly once/],
    [prompt("{docu", "ment} {query} {document}", "{document}"), /exactly once/],
    [prompt("D: {document}", "Q: {query}"), /has the document before the query/],
    [prompt("{query} x {document}."), /has words behind \{document\} in its part/],
    [prompt("<|nothing|>", "{query} x {document}"), /<\|nothing\|>/],
    [prompt("{query}\n{document}"), /cannot be tokenized apart; put them into parts of their own/],
    [{ ...prompt("{query} x {document}"), bos: true }, /bos/],
  ]
  it.each(refused)("N545 a prompt that is none is refused: %j", (template, why) => {
    const outcome = compilePrompt(template, tokenizer)
    expect(Either.isLeft(outcome) ? outcome.left.message : "taken").toMatch(why)
  })
})
