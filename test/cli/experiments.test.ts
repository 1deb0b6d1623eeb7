import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { experimentJsonSchema, readSettings } from "../../cli/Settings.ts"

const folder = join(import.meta.dirname, "../../experiments")

describe("experiments", () => {
  it("L2 every ready configuration decodes", () => {
    const files = readdirSync(folder).filter((file) => file.endsWith(".json") && file !== "schema.json")
    expect(files).toContain("default.json")
    for (const file of files) {
      const settings = Effect.runSync(readSettings({ configFile: join(folder, file), datasets: [], sets: [] }))
      expect(settings.datasets.length).toBeGreaterThan(0)
    }
  })

  it("L2 the JSON Schema for editors is the one that the settings are decoded by (`tsx dag.ts schema` writes it)", () => {
    const written: unknown = JSON.parse(readFileSync(join(folder, "schema.json"), "utf8"))
    expect(written).toEqual(JSON.parse(JSON.stringify(experimentJsonSchema())))
  })
})
