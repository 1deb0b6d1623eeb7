import { existsSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { causeText } from "../../schemas/index.ts"
import { type HeadUnsuitable, type ModelDescription, modelGraph } from "../architectures/index.ts"
import { type CheckpointError, openWeights, type StoredTensor } from "../checkpoints/index.ts"
import { AdapterMisfit } from "./AdapterError.ts"
import { type AdaptedWeight, type Adapters, adaptable, factorA, factorB, rankMisfit } from "./Adapters.ts"
import { adapterFiles, peftPrefix, readPeftConfig } from "./peft.ts"

/** An adapter with its weights. */
export interface LoadedAdapter {
  readonly adapters: Adapters
  /** The factors, and the weights that are trained in full, by the names of the graph. */
  readonly weights: ReadonlyMap<string, Float32Array>
  /** What peft's configuration calls the model that it was trained beside. */
  readonly base: string | undefined
}

const Json = Schema.parseJson()

const some = (names: readonly string[]): string =>
  `${names.slice(0, 4).join(", ")}${names.length > 4 ? `, … (${names.length})` : ""}`

const factorName = /^(.*)\.lora_([AB])\.weight$/u

/**
 * Reads an adapter's folder, as peft writes it, for a model. Stricter than peft, which drops what it does not know: every tensor must
 * be one that the configuration speaks of and the model has, and every module that the configuration speaks of must have both factors.
 */
export const readAdapter = (
  folder: string,
  description: ModelDescription,
): Effect.Effect<LoadedAdapter, AdapterMisfit | CheckpointError | HeadUnsuitable> =>
  Effect.gen(function* () {
    const where = join(folder, adapterFiles.config)
    const text = yield* Effect.tryPromise({
      try: () => readFile(where, "utf8"),
      catch: (cause) => new AdapterMisfit({ where, why: causeText(cause), remedy: "Give the folder that peft wrote" }),
    })
    const json = yield* Effect.mapError(
      Schema.decode(Json)(text),
      () => new AdapterMisfit({ where, why: "it is not JSON", remedy: "Save the adapter again" }),
    )
    const peft = yield* readPeftConfig(where, json)
    const model = yield* modelGraph(description)
    const stored = yield* openWeights(join(folder, adapterFiles.weights))
    const refuse = (why: string, remedy: string) => new AdapterMisfit({ where: stored.path, why, remedy })
    const foreign =
      "The adapter is of another model, or of a part that is not used here: give the model it was trained beside"

    const ownName = new Map(
      model.tensors.flatMap(({ aliases, name }) => [name, ...aliases].map((each) => [each, name])),
    )
    const found = new Map<string, Partial<Record<"A" | "B", StoredTensor>> & { readonly stored: string }>()
    const full = new Map<string, StoredTensor>()
    const unknown: string[] = []
    for (const tensor of stored.tensors.values()) {
      if (!tensor.name.startsWith(peftPrefix)) {
        unknown.push(tensor.name)
        continue
      }
      const bare = tensor.name.slice(peftPrefix.length)
      const [, module, factor] = factorName.exec(bare) ?? []
      const weight = module === undefined ? bare : `${module}.weight`
      const name = ownName.get(weight)
      if (name === undefined) {
        // A pooler, say, of a model that reads its tokens itself.
        if (!model.ignores(weight)) unknown.push(tensor.name)
      } else if (module === undefined) {
        if (peft.saves(bare.replace(/\.[^.]*$/u, ""))) full.set(name, tensor)
        else unknown.push(tensor.name)
      } else {
        if (!peft.targets(module)) {
          return yield* refuse(
            `${tensor.name} is there, but target_modules of the configuration does not name it: peft would leave it out`,
            "Save the adapter again",
          )
        }
        const known = found.get(name) ?? { stored: module }
        found.set(name, { ...known, [factor === "A" ? "A" : "B"]: tensor })
      }
    }
    if (unknown.length > 0) return yield* refuse(`the model has nothing for ${some(unknown)}`, foreign)

    const matrices = adaptable(model)
    const changeable = new Set(matrices.map(({ name }) => name))
    const fixed = [...found.keys()].filter((name) => !changeable.has(name))
    if (fixed.length > 0) {
      return yield* refuse(
        `changes of ${some(fixed)} are not built: rows are taken from them`,
        "Merge the adapter in peft",
      )
    }
    const missing = matrices.flatMap(({ name }) => {
      const pair = found.get(name)
      if (pair !== undefined) return pair.A !== undefined && pair.B !== undefined ? [] : [name]
      const module = name.replace(/\.weight$/u, "")
      return peft.complete && peft.targets(module) ? [name] : []
    })
    if (missing.length > 0) {
      return yield* refuse(`both factors, or one, of ${some(missing)} are missing`, "Save the adapter again")
    }

    const weights = new Map<string, Float32Array>()
    const adapted: AdaptedWeight[] = []
    for (const { name, shape } of matrices) {
      const pair = found.get(name)
      const [outputs = 0, inputs = 0] = shape
      if (pair?.A === undefined || pair.B === undefined) continue
      const { rank, scale } = peft.sizesOf(pair.stored)
      const module = name.replace(/\.weight$/u, "")
      const weight = { name, module, outputs, inputs, rank, scale }
      const misfit = rankMisfit(where, weight)
      if (misfit !== undefined) return yield* misfit
      const shapes = [
        [pair.A, [rank, inputs], factorA(module)],
        [pair.B, [outputs, rank], factorB(module)],
      ] as const
      for (const [tensor, wanted, own] of shapes) {
        if (tensor.shape.join() !== wanted.join()) {
          return yield* refuse(
            `${tensor.name} is [${tensor.shape.join(", ")}], and not [${wanted.join(", ")}]`,
            foreign,
          )
        }
        weights.set(own, yield* stored.floats(tensor.name))
      }
      adapted.push(weight)
    }
    for (const [name, tensor] of full) weights.set(name, yield* stored.floats(tensor.name))
    const headPath = join(folder, adapterFiles.head)
    if (existsSync(headPath)) {
      const head = yield* openWeights(headPath)
      const strange = [...head.tensors.keys()].filter((name) => ownName.get(name) !== name)
      if (strange.length > 0) {
        const why = `the head ${description.head.kind} has nothing for ${some(strange)}`
        return yield* new AdapterMisfit({ where: headPath, why, remedy: "Ask for the head that it was trained with" })
      }
      for (const name of head.tensors.keys()) weights.set(name, yield* head.floats(name))
    }
    const shapeOf = new Map(model.tensors.map(({ name, shape }) => [name, shape]))
    for (const [name, { length }] of weights) {
      const expected = shapeOf.get(name)?.reduce((a, b) => a * b, 1)
      if (expected !== undefined && expected !== length) {
        return yield* refuse(`${name} has ${length} numbers instead of ${expected}`, foreign)
      }
    }
    const adapters: Adapters = {
      weights: adapted,
      full: model.tensors.flatMap(({ name }) => (weights.has(name) ? [name] : [])),
      dropout: peft.dropout,
    }
    return { adapters, weights, base: peft.base }
  }).pipe(Effect.scoped)
