import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { families, modelTypes } from "../../../neural/architectures/index.ts"
import { ScratchSettings } from "../../../schemas/index.ts"
import { renderModelList } from "../../../stages/model/listModels.ts"
import { modelNames, modelsFolder, readConfig, readGolden, readJson } from "./golden.ts"

const modelType = Schema.decodeUnknownSync(Schema.Struct({ model_type: Schema.String }))
const golden = new Set(modelNames.map((name) => modelType(readJson(modelsFolder, name, "config.json")).model_type))

describe("the families of models", () => {
  it.each([...modelTypes])("K42 %s has golden scores of transformers", (name, { sameGraph }) => {
    expect(golden).toContain(sameGraph ?? name)
  })

  it.each(modelNames)("K42 every field that transformers writes of %s is in its family's table", (name) => {
    expect(readConfig(name).unknownFields).toEqual([])
  })

  it("N500 each family has a name and model types of its own", () => {
    const names = families.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    const types = families.flatMap((family) => Object.keys(family.modelTypes))
    expect(new Set(types).size).toBe(types.length)
  })

  it("N502 what is proven has golden scores, and every repository is of a model type that is there", () => {
    const scored = new Map<string, Set<string>>()
    for (const name of modelNames) {
      const type = modelType(readJson(modelsFolder, name, "config.json")).model_type
      const kinds = Object.keys(readGolden(name).texts[0]?.expected ?? {})
      scored.set(type, new Set([...(scored.get(type) ?? []), ...kinds]))
    }
    for (const { modelTypes: own, proven = {}, repositories } of families) {
      for (const [type, heads] of Object.entries(proven)) {
        for (const head of heads) expect(scored.get(own[type]?.sameGraph ?? type), `${type} ${head}`).toContain(head)
      }
      for (const { modelType: type } of repositories) expect(Object.keys(own)).toContain(type)
    }
    const listed = renderModelList()
    for (const type of modelTypes.keys()) expect(listed).toContain(`  ${type}: `)
    expect(listed).not.toContain("nothing is proven")
  })

  it("N500 those that the settings begin from nothing are the families that say how", () => {
    const begun = families.filter(({ scratch }) => scratch !== undefined).map(({ name }) => name)
    expect(begun).toEqual([...ScratchSettings.fields.scratch.literals])
  })
})
