import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { knownModelTypes } from "../../../neural/architectures/index.ts"
import { modelNames, modelsFolder, readJson } from "./golden.ts"

const modelType = Schema.decodeUnknownSync(Schema.Struct({ model_type: Schema.String }))
const golden = new Set(modelNames.map((name) => modelType(readJson(modelsFolder, name, "config.json")).model_type))

/** Families that are another's graph with another tokenizer: its golden scores are theirs. */
const sameGraph = new Map([["xlm-roberta", "roberta"]])

describe("the families of models", () => {
  it.each(knownModelTypes)("K42 %s has golden scores of transformers", (name) => {
    expect(golden).toContain(sameGraph.get(name) ?? name)
  })
})
