import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { causeText, type LoraSettings } from "../../schemas/index.ts"
import type { ModelDescription, ModelTensor } from "../architectures/index.ts"
import { type CheckpointError, CheckpointIo, writeSafetensors } from "../checkpoints/index.ts"
import { type Adapters, factorA, factorB, isHead } from "./Adapters.ts"
import { adapterFiles, peftPrefix } from "./peft.ts"

/** An adapter to be written. */
export interface WrittenAdapter {
  readonly description: ModelDescription
  readonly tensors: readonly ModelTensor[]
  readonly adapters: Adapters
  readonly settings: LoraSettings
  /** Factors and weights that were trained in full, by the names of the graph. */
  readonly weights: ReadonlyMap<string, Float32Array>
  /** The name that a weight has in the base's checkpoint. */
  readonly storedAs: (name: string) => string
  /** What the base is called where peft looks for it: a folder, or a repository of the hub with its revision. */
  readonly base: { readonly name: string; readonly revision?: string }
}

/** Whether a weight is of a head of ours, for which transformers' model has no place. */
const isOwnHead = (name: string): boolean => name.startsWith("head.") && isHead(name)

/** The ends of modules' names that, among all of the checkpoint's modules, mean exactly these; whole names where none do. */
const targetModules = (modules: readonly string[], others: readonly string[]): readonly string[] => {
  const targets = new Set<string>()
  const fits = (module: string, end: string): boolean => module === end || module.endsWith(`.${end}`)
  for (const module of modules) {
    const parts = module.split(".")
    const ends = parts.map((_, at) => parts.slice(at).join(".")).reverse()
    const end = ends.find((each) => !/^\d/u.test(each) && !others.some((other) => fits(other, each)))
    targets.add(end ?? module)
  }
  return [...targets].sort()
}

/**
 * Writes an adapter as peft writes it: `adapter_config.json` and `adapter_model.safetensors`, for the class of transformers that has
 * the encoder's states, or for a classifier the whole model. A head of ours goes to `head.safetensors`, under the graph's names.
 *
 */
export const writeAdapter = (
  to: string,
  { adapters, base, description, settings, storedAs, tensors, weights }: WrittenAdapter,
): Effect.Effect<void, CheckpointError> =>
  Effect.gen(function* () {
    const classifier = description.head.kind === "classifier"
    const pooled = !classifier && !description.head.kind.startsWith("decoder")
    const nameOf = (weight: string): string => (pooled ? weight : storedAs(weight))
    const moduleOf = (weight: string): string => nameOf(weight).replace(/\.(?:weight|bias)$/u, "")
    const shapes = new Map(tensors.map(({ name, shape }) => [name, shape]))
    const adapted = new Set(adapters.weights.map(({ name }) => name))
    const modules = adapters.weights.map(({ name }) => moduleOf(name))
    const matrices = tensors.filter(({ name, shape }) => shape.length === 2 && !adapted.has(name) && !isOwnHead(name))
    // A pooler is made by transformers whether the checkpoint has one or not.
    const others = [...matrices.map(({ name }) => moduleOf(name)), "pooler.dense"]
    const saved = adapters.full.filter((name) => !isOwnHead(name))
    const written = (name: string, weight: string, shape: readonly number[]) => ({
      name,
      dtype: "F32" as const,
      shape,
      data: () => [weights.get(weight) ?? new Float32Array(0)],
    })
    yield* writeSafetensors(join(to, adapterFiles.weights), [
      ...adapters.weights.flatMap(({ inputs, module, name, outputs, rank }) => [
        written(`${peftPrefix}${moduleOf(name)}.lora_A.weight`, factorA(module), [rank, inputs]),
        written(`${peftPrefix}${moduleOf(name)}.lora_B.weight`, factorB(module), [outputs, rank]),
      ]),
      ...saved.map((name) => written(`${peftPrefix}${nameOf(name)}`, name, shapes.get(name) ?? [])),
    ])
    const heads = adapters.full.filter(isOwnHead)
    if (heads.length > 0) {
      const own = heads.map((name) => written(name, name, shapes.get(name) ?? []))
      yield* writeSafetensors(join(to, adapterFiles.head), own)
    }
    const savedModules = [...new Set([...saved.map(moduleOf), ...(classifier ? ["classifier", "score"] : [])])].sort()
    const config = {
      alpha_pattern: {},
      base_model_name_or_path: base.name,
      bias: "none",
      fan_in_fan_out: false,
      inference_mode: true,
      init_lora_weights: true,
      lora_alpha: settings.alpha ?? 2 * settings.rank,
      lora_dropout: settings.dropout,
      modules_to_save: savedModules.length === 0 ? null : savedModules,
      peft_type: "LORA",
      r: settings.rank,
      rank_pattern: {},
      revision: base.revision ?? null,
      target_modules: targetModules(modules, others),
      task_type: classifier ? "SEQ_CLS" : pooled ? "FEATURE_EXTRACTION" : null,
      use_dora: false,
      use_rslora: settings.rslora,
    }
    const path = join(to, adapterFiles.config)
    yield* Effect.tryPromise({
      try: () => writeFile(path, `${JSON.stringify(config, null, 1)}\n`),
      catch: (cause) => new CheckpointIo({ path, during: "writing", cause: causeText(cause) }),
    })
  })
