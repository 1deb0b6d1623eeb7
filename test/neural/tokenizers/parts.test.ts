import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { tokenizerJson } from "../../../neural/tokenizers/tokenizerJson.ts"
import { reference } from "./support.ts"

const Golden = Schema.parseJson(
  Schema.Struct({
    texts: Schema.Array(Schema.String),
    tokenizers: Schema.Array(
      Schema.Struct({ name: Schema.String, file: Schema.Unknown, ids: Schema.Array(Schema.Array(Schema.Int)) }),
    ),
  }),
)
const { texts, tokenizers } = Schema.decodeSync(Golden)(readFileSync(join(reference, "parts.json"), "utf8"))

/** What is refused, and for which part. */
const refused = new Map([
  ["bpe spaces single", "its added token bar is for whole words only (single_word)"],
  ["bpe-prefix spaces", 'its byte-pair encoding marks what goes on within a word (continuing_subword_prefix "##")'],
])

describe("parts of a tokenizer.json", () => {
  it.each(tokenizers)(
    "N526 $name: the tokens of `tokenizers`, or an error that names the part",
    ({ name, file, ids }) => {
      const tokenizer = tokenizerJson(file, {}, {})
      const problem = refused.get(name)
      if ("problem" in tokenizer) return expect(tokenizer.problem).toBe(problem)
      expect(problem).toBeUndefined()
      const wrong = texts.flatMap((text, i) => {
        const found = [...tokenizer.encode(text)]
        return found.join() === ids[i]?.join() ? [] : [{ text, found, expected: ids[i] }]
      })
      expect(wrong).toEqual([])
    },
  )

  it("N526 a splitter whose behaviour is not built is named", () => {
    const [first] = tokenizers
    const splitter = { type: "Split", pattern: { Regex: "a" }, behavior: "MergedWithNext", invert: true }
    expect(tokenizerJson({ ...Object(first?.file), pre_tokenizer: splitter }, {}, {})).toEqual({
      problem: "its pre_tokenizer has a Split (MergedWithNext, inverted) that is not built",
    })
  })
})
