import { closeSync, openSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { NameBlocks, nameStarts } from "../../../neural/vectors/NameBlocks.ts"
import { temporaryFolder } from "../../support/storedTable.ts"

const folder = temporaryFolder("names")
const path = join(folder, "names")

const opened = <A>(text: string, use: (file: number) => A): A => {
  writeFileSync(path, text)
  const file = openSync(path, "r")
  try {
    return use(file)
  } finally {
    closeSync(file)
  }
}

describe("names of vectors", () => {
  it("R61 are those of the file in whatever order they are asked for, however few bytes are held", () => {
    const name = fc.string({ unit: fc.constantFrom("a", "7", "é", "名"), maxLength: 6 })
    const asked = fc.record({
      names: fc.array(name, { minLength: 1, maxLength: 1200, size: "max" }),
      held: fc.constantFrom(1, 900, 2 ** 20),
      order: fc.infiniteStream(fc.nat()),
    })
    fc.assert(
      fc.property(asked, ({ held, names, order }) => {
        opened(names.map((each) => `${each}\n`).join(""), (file) => {
          const blocks = new NameBlocks(file, names.length, nameStarts(file, names.length), held)
          for (const [at, drawn] of [...order.take(300)].entries()) {
            const place = at < names.length && at % 2 === 0 ? at : drawn % names.length
            expect(blocks.bytesOf(place).toString()).toBe(names[place])
          }
        })
      }),
      { numRuns: 30 },
    )
  })

  it("R62 more or fewer of them, and an end without a line's end, are errors", () => {
    expect(() => opened("a\nb\n", (file) => nameStarts(file, 3))).toThrow("2 names for 3 vectors")
    expect(() => opened("a\nb\n", (file) => nameStarts(file, 1))).toThrow("2 names for 1 vectors")
    expect(() => opened("a\nb\nc", (file) => nameStarts(file, 2))).toThrow("2 names for 2 vectors")
    expect(opened("", (file) => [...nameStarts(file, 0)])).toEqual([0])
  })
})
