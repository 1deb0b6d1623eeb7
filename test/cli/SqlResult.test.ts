import { describe, expect, it } from "vitest"
import { renderSqlResult, type SqlResult } from "../../cli/SqlResult.ts"

const result: SqlResult = {
  columns: ["system", "value"],
  rows: [
    ["bm25", 0.123456789],
    ['a "b", c|d', null],
  ],
}

describe("SQL results", () => {
  it("L8 are printed as a table, Markdown, CSV, TSV or JSON", () => {
    expect(renderSqlResult(result, "table").split("\n")).toEqual([
      "system       value",
      "──────────  ──────",
      "bm25        0.1235",
      'a "b", c|d',
      "2 rows",
    ])
    expect(renderSqlResult(result, "markdown")).toContain('| a "b", c\\|d |  |')
    expect(renderSqlResult(result, "csv")).toBe('system,value\nbm25,0.123456789\n"a ""b"", c|d",')
    expect(renderSqlResult(result, "tsv")).toBe('system\tvalue\nbm25\t0.123456789\na "b", c|d\t')
    expect(JSON.parse(renderSqlResult(result, "json"))).toEqual([
      { system: "bm25", value: 0.123456789 },
      { system: 'a "b", c|d', value: null },
    ])
  })

  it("L150 are printed as a table whatever the number of rows", () => {
    const rows = Array.from({ length: 200_000 }, (_, rank) => ["bm25", rank])
    expect(renderSqlResult({ columns: ["system", "rank"], rows }, "table").split("\n")).toHaveLength(rows.length + 3)
  })
})
