import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { open, reference } from "./support.ts"

const Ids = Schema.Array(Schema.Int)
const Case = Schema.Struct({
  ids: Schema.Array(Ids),
  pairs: Schema.Array(Schema.Struct({ ids: Ids, types: Ids })),
})
const Golden = Schema.parseJson(Schema.Struct({ extra: Schema.Array(Schema.String), modernbert: Case, deberta: Case }))
const golden = Schema.decodeSync(Golden)(readFileSync(join(reference, "families.json"), "utf8"))
const Texts = Schema.parseJson(Schema.Struct({ texts: Schema.Array(Schema.String) }))
const { texts } = Schema.decodeSync(Texts)(readFileSync(join(reference, "golden.json"), "utf8"))

describe.each(["modernbert", "deberta"] as const)("the tokenizer of %s", (name) => {
  const { ids, pairs } = golden[name]

  it(`N524 ${name}'s tokenizer gives transformers' tokens, whatever its tokenizer.json says of what its class makes itself`, async () => {
    const tokenizer = await open(join(reference, name))
    const all = [...texts, ...golden.extra]
    expect(ids).toHaveLength(all.length)
    const wrong = all.flatMap((text, i) => {
      const found = [...tokenizer.encode(text)]
      return found.join() === ids[i]?.join() ? [] : [{ text, found, expected: ids[i] }]
    })
    expect(wrong).toEqual([])
  })

  it(`N524 ${name}'s pairs have transformers' layout and token types`, async () => {
    const tokenizer = await open(join(reference, name))
    for (const [i, expected] of pairs.entries()) {
      const pair = [texts[i] ?? "", texts.at(-1 - i) ?? ""].map((text) => [...tokenizer.encode(text)])
      const parts = (tokenizer.layouts?.pair ?? []).map((part) => ({
        type: part.type,
        ids: "ids" in part ? part.ids : (pair[part.text === "first" ? 0 : 1] ?? []),
      }))
      expect(parts.flatMap(({ ids: own }) => own)).toEqual(expected.ids)
      expect(parts.flatMap(({ ids: own, type }) => own.map(() => type))).toEqual(expected.types)
    }
  })
})
