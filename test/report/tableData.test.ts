import { describe, expect, it } from "vitest"
import { type TableData, toCsv, toLatex } from "../../stages/report/page/TableData.ts"

const table: TableData = {
  file: "one-test",
  title: "Means over 6 queries of a_b, 50 % & more",
  columns: [{ name: "System" }, { name: "nDCG@10", text: (value) => value.toFixed(4) }],
  rows: [
    ["t5_base", { value: 0.123456789012345, marks: "†‡", isBest: true }],
    ['says "hi", twice\n', null],
    ["{\\^~}$#<>", -1 / 3],
  ],
  footer: [["best order", 1]],
  notes: ["† differs from bm25 (p ≤ 0.05)"],
}

describe("tables as files", () => {
  it("P32 CSV is RFC 4180's, with every digit and no marks", () => {
    expect(toCsv(table)).toBe(
      [
        "System,nDCG@10",
        "t5_base,0.123456789012345",
        '"says ""hi"", twice\n",',
        "{\\^~}$#<>,-0.3333333333333333",
        "best order,1",
        "",
      ].join("\r\n"),
    )
  })

  it("P32 LaTeX has booktabs' rules, figures as on the page, marks raised, the best bold, and no special character bare", () => {
    expect(toLatex(table)).toBe(
      [
        "% \\usepackage{booktabs}",
        "\\begin{table}",
        "\\centering",
        "\\caption{Means over 6 queries of a\\_b, 50 \\% \\& more. $\\dagger$ differs from bm25 (p $\\leq$ 0.05).}",
        "\\label{tab:one-test}",
        "\\begin{tabular}{lr}",
        "\\toprule",
        "System & nDCG@10 \\\\",
        "\\midrule",
        "t5\\_base & \\textbf{0.1235}$^{\\dagger\\ddagger}$ \\\\",
        'says "hi", twice  & -- \\\\',
        "\\{\\textbackslash{}\\textasciicircum{}\\textasciitilde{}\\}\\$\\#$<$$>$ & -0.3333 \\\\",
        "\\midrule",
        "best order & 1.0000 \\\\",
        "\\bottomrule",
        "\\end{tabular}",
        "\\end{table}",
        "",
      ].join("\n"),
    )
  })
})
