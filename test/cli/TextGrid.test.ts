import { describe, expect, it } from "vitest"
import { gridFormats, renderGrid, type TextGrid } from "../../cli/TextGrid.ts"

const grid: TextGrid = {
  title: "a_b · test",
  columns: [
    { name: "system", align: "left" },
    { name: "Δ", align: "right" },
  ],
  rows: [
    ["x|y", "+0.1†"],
    ["50% & more", "-0.25"],
  ],
  notes: ["† p ≤ 0.05"],
}

describe("grids", () => {
  it("L20 a table is aligned, Markdown escapes bars, and LaTeX what it reads as commands", () => {
    const [plain, markdown, latex] = gridFormats.map((format) => renderGrid(grid, format).split("\n"))
    expect(plain).toEqual([
      "a_b · test",
      "system          Δ",
      "──────────  ─────",
      "x|y         +0.1†",
      "50% & more  -0.25",
      "† p ≤ 0.05",
    ])
    expect(markdown).toEqual([
      "**a_b · test**",
      "",
      "| system | Δ |",
      "| --- | ---: |",
      "| x\\|y | +0.1† |",
      "| 50% & more | -0.25 |",
      "",
      "† p ≤ 0.05",
    ])
    expect(latex).toEqual([
      "\\begin{table}",
      "\\caption{a\\_b $\\cdot$ test. $^\\dagger$ p $\\leq$ 0.05.}",
      "\\begin{tabular}{lr}",
      "\\toprule",
      "system & $\\Delta$ \\\\",
      "\\midrule",
      "x|y & +0.1$^\\dagger$ \\\\",
      "50\\% \\& more & -0.25 \\\\",
      "\\bottomrule",
      "\\end{tabular}",
      "\\end{table}",
    ])
  })
})
