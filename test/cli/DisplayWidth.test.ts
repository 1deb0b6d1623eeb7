import { describe, expect, it } from "vitest"
import { cutTo, displayWidth, fitted, paddedAfter, paddedBefore } from "../../cli/DisplayWidth.ts"
import { renderSqlResult } from "../../cli/SqlResult.ts"
import { renderGrid } from "../../cli/TextGrid.ts"

describe("width in a terminal", () => {
  it("L211 a text takes the columns that a terminal gives it", () => {
    const widths: ReadonlyArray<readonly [string, number]> = [
      ["harbour", 7],
      ["лес · Ærø", 9],
      ["森林", 4],
      ["ｆｕｌｌ", 8],
      ["ﾊﾝｶｸ", 4],
      ["한국", 4],
      ["\u1112\u1161\u11ab", 2],
      ["e\u0301te\u0301", 3],
      ["a\u200bb", 2],
      ["🚢", 2],
      ["☐ ✓ ▸", 5],
    ]
    for (const [text, columns] of widths) expect([text, displayWidth(text)]).toEqual([text, columns])
  })

  it("L211 what is cut or filled has the width that was asked for", () => {
    for (const text of ["harbour", "森林の港湾都市", "e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301", "a🚢b🚢c🚢"]) {
      for (let width = 1; width < 20; width++) {
        expect(displayWidth(cutTo(text, width))).toBeLessThanOrEqual(width)
        expect(displayWidth(fitted(text, width))).toBe(width)
        expect(displayWidth(paddedAfter(text, width))).toBe(Math.max(width, displayWidth(text)))
        expect(displayWidth(paddedBefore(text, width))).toBe(Math.max(width, displayWidth(text)))
      }
    }
  })

  it("L211 columns of tables stand below each other whatever the script", () => {
    const names = ["bm25", "森林", "e\u0301te\u0301"]
    const rows = names.map((name, at) => [name, at])
    const grid = {
      title: "",
      columns: [
        { name: "system", align: "left" },
        { name: "n", align: "right" },
      ],
      rows: rows.map((row) => row.map(String)),
      notes: [],
    } as const
    for (const text of [renderSqlResult({ columns: ["system", "n"], rows }, "table"), renderGrid(grid, "table")]) {
      const ends = text.split("\n").filter((line) => names.some((name) => line.startsWith(name)))
      expect(ends.map(displayWidth)).toEqual([9, 9, 9])
    }
  })
})
