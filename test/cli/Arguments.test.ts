import * as Either from "effect/Either"
import { describe, expect, it } from "vitest"
import { checkArguments } from "../../cli/Arguments.ts"

const problem = (line: string): string =>
  Either.match(checkArguments(line.split(" ")), { onLeft: (error) => error.message, onRight: () => "understood" })

describe("arguments", () => {
  it("L1 what is documented is understood", () => {
    for (const line of [
      "--target eval",
      "--target=eval --set a=b --set c=-1 --dry-run",
      "--graph mermaid --json",
      "sql select",
      "export run --system bm25 --split test --format trec",
      "export model --system t5 --to out --force",
      "model inspect owner/name --revision v2 --head first-token --json",
      "gc --dry-run --max-age 30d",
      "lineage eval --json",
      "--help",
    ]) {
      expect([line, problem(line)]).toEqual([line, "understood"])
    }
  })

  it("L1 an unknown option or command names the nearest known one", () => {
    expect(problem("--targe eval")).toContain("«--target»")
    expect(problem("--dryrun")).toContain("«--dry-run»")
    expect(problem("export run --sytem bm25")).toContain("«--system»")
    expect(problem("lineag eval")).toContain("«lineage»")
    expect(problem("export runs")).toContain("«run»")
    expect(problem("--quite-something-else")).toMatch(/^Unknown option --quite-something-else\. \(/)
    expect(problem("--target")).toContain("needs a value")
  })
})
