import * as FastCheck from "fast-check"
import { describe, expect, it } from "vitest"
import { distinctInputs } from "../../../neural/index.ts"

const inputs = FastCheck.array(
  FastCheck.array(FastCheck.tuple(FastCheck.integer({ min: 0, max: 2 }), FastCheck.integer({ min: 0, max: 1 })), {
    maxLength: 4,
  }),
  { maxLength: 80 },
)

describe("distinct inputs", () => {
  it("N329 texts share an input exactly where their tokens, and types where they count, are the same", () => {
    FastCheck.assert(
      FastCheck.property(inputs, FastCheck.boolean(), (texts, withTypes) => {
        const found = distinctInputs(
          {
            count: texts.length,
            length: (text) => texts[text]?.length ?? 0,
            write: (text, ids, types) => {
              texts[text]?.forEach(([id, type], i) => {
                ids[i] = id
                if (types !== undefined) types[i] = type
              })
              return texts[text]?.length ?? 0
            },
          },
          withTypes,
        )
        const names = texts.map((tokens) => tokens.map(([id, type]) => (withTypes ? `${id}/${type}` : id)).join())
        expect([...found.first]).toEqual(names.flatMap((name, text) => (names.indexOf(name) === text ? [text] : [])))
        expect(Array.from(found.of, (input) => found.first[input])).toEqual(names.map((name) => names.indexOf(name)))
      }),
    )
  })
})
