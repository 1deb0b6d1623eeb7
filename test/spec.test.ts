import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"

const root = join(import.meta.dirname, "..")
const spec = readFileSync(join(root, "docs/SPEC.md"), "utf8")
const rules = [...spec.matchAll(/^(?:- )?\*\*([A-Z]\d+)\*\*/gm)].flatMap(([, rule]) => rule ?? [])

/** Titles of the tests, as written: of templates, the part before the first `${`. */
const titles = readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".test.ts"))
  .sort()
  .flatMap((file) =>
    [
      ...readFileSync(join(root, "test", file), "utf8").matchAll(
        /^\s*it(?:\.\w+)*(?:\([^()]*(?:\([^()]*\)[^()]*)*\))?\(\s*(["'`])((?:(?!\1).)*)/gm,
      ),
    ].map(([, , title]) => ({ file, title: title ?? "" })),
  )

describe("the specification", () => {
  it("S1 every rule has one number of its own", () => {
    expect(rules.length).toBeGreaterThan(100)
    expect(rules.filter((rule, position) => rules.indexOf(rule) !== position)).toEqual([])
  })

  it("S2 the name of every test begins with the rule it shows", () => {
    expect(titles.length).toBeGreaterThan(200)
    const known = new Set(rules)
    const strange = titles.filter(({ title }) => !known.has(/^([A-Z]\d+)\b/.exec(title)?.[1] ?? ""))
    expect(strange).toEqual([])
  })
})
