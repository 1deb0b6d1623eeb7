import { describe, expect, it } from "vitest"
import { measureName, measures, parseMeasure, parseMeasures } from "../../measures/index.ts"
import expected from "../reference/measures/measures.json" with { type: "json" }
import peers from "../reference/measures/peers.json" with { type: "json" }

/** Names that the golden values of ir-measures or ranx were made for, as they are understood here. */
const golden = new Set(
  [...expected.measures, ...Object.keys(peers.ranx)].map((name) => {
    const parsed = parseMeasure(name)
    return parsed.ok ? parsed.value.name : name
  }),
)

describe("the registry of measures", () => {
  it.each(measures.map((definition) => [definition.name, definition] as const))(
    "E130 %s has golden values of the field's own tool",
    (name) => {
      expect(golden).toContain(name)
    },
  )

  it("E130 no two measures share a name, and each name is read as its measure", () => {
    const names = measures.flatMap(({ aliases, name }) => [name, ...aliases.map((alias) => alias.name)])
    expect(new Set(names).size).toBe(names.length)
    for (const { aliases, at, name } of measures) {
      for (const called of [name, ...aliases.map((alias) => alias.name)]) {
        const parsed = parseMeasure(`${called}${at === null ? "" : at === "recall" ? "@0.5" : "@7"}`)
        expect(parsed.ok && parsed.value.name).toBe(name)
      }
    }
  })

  it("E130 each of trec_eval's names is read as its measure, with its own parameters", () => {
    for (const { name, trecNames } of measures) {
      for (const trec of trecNames) {
        const parsed = parseMeasures(trec.name)
        expect(parsed.ok && parsed.value.length).toBe(trec.takes?.defaults.length ?? 1)
        expect(parsed.ok && parsed.value.every((measure) => measure.name === name)).toBe(true)
        if (parsed.ok) for (const measure of parsed.value) expect(parseMeasures(measureName(measure)).ok).toBe(true)
      }
    }
  })
})
