import { it } from "@effect/vitest"
import * as fc from "fast-check"
import { expect } from "vitest"
import { packTexts, type TokenInput } from "../../../neural/runtime/packTexts.ts"

const names = ["shared_ids", "shared_mask", "input_ids", "attention_mask"] as const
const inputs: ReadonlyArray<TokenInput> = names.map((name) => ({ name, type: "int64" }))
const drawn = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 9 })

it("N549 a common beginning and what follows make the texts again, and nothing that all have stands in both", () => {
  fc.assert(
    fc.property(fc.array(drawn, { minLength: 1, maxLength: 5 }), (texts) => {
      const packed = packTexts(
        inputs,
        texts.map((ids) => ({ ids })),
      )
      const rowsOf = (name: (typeof names)[number]): ReadonlyArray<ReadonlyArray<number>> => {
        const { data = [], shape: [rows = 0, width = 0] = [] } = packed[name] ?? {}
        return Array.from({ length: rows }, (_, row) => Array.from(data.slice(row * width, (row + 1) * width), Number))
      }
      const kept = (ids: ReadonlyArray<number> = [], mask: ReadonlyArray<number> = []) =>
        ids.filter((_, at) => mask[at] === 1)
      const beginning = kept(rowsOf("shared_ids")[0], rowsOf("shared_mask")[0])
      const rests = rowsOf("input_ids").map((ids, row) => kept(ids, rowsOf("attention_mask")[row]))
      expect(rests.map((rest) => [...beginning, ...rest])).toEqual(texts)
      expect(rowsOf("shared_ids")[0]?.length).toBeGreaterThan(0)
      const alike = new Set(rests.map(([first]) => first)).size === 1
      expect(!alike || rests.some(({ length }) => length === 1)).toBe(true)
    }),
  )
})
