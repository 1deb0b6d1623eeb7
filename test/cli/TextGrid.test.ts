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
  it("L20 L212 a table is aligned, Markdown escapes bars, and LaTeX what it reads as commands; a minus is one", () => {
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
      "50\\% \\& more & $-$0.25 \\\\",
      "\\bottomrule",
      "\\end{tabular}",
      "\\end{table}",
    ])
  })

  it("L56 a table that is wider than the terminal is folded, heading and rows alike, and loses nothing", () => {
    const columns = ["kind", "measure", "system", "means", "interval", "p"].map((name) => ({
      name,
      align: "left" as const,
    }))
    const rows = [
      ["all", "nDCG@10", "t5gemma-hybrid+bm25", "0.3835 → 0.7377", "[+0.3200, +0.3800]", "<0.0001"],
      ["browse", "nDCG@10", "bm25", "0.1 → 0.2", "–", "0.5"],
    ]
    const wide: TextGrid = {
      title: "synthetic · test",
      columns,
      rows,
      notes: ["a note that is longer than forty characters are"],
    }
    const lines = renderGrid(wide, "table", 60).split("\n")
    expect(lines).toEqual([
      "synthetic · test",
      "kind    measure  system               means",
      "  interval            p",
      "──────  ───────  ───────────────────  ───────────────",
      "all     nDCG@10  t5gemma-hybrid+bm25  0.3835 → 0.7377",
      "  [+0.3200, +0.3800]  <0.0001",
      "browse  nDCG@10  bm25                 0.1 → 0.2",
      "  –                   0.5",
      "a note that is longer than forty characters are",
    ])
    for (const width of [20, 40, 79]) {
      const text = renderGrid(wide, "table", width)
      for (const cell of rows.flat()) expect(text).toContain(cell)
    }
    expect(renderGrid(wide, "table").split("\n")).toHaveLength(6)
  })
})
