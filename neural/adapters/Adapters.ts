import * as Either from "effect/Either"
import { causeText, didYouMean, type LoraSettings, loraScale } from "../../schemas/index.ts"
import { type HeadUnsuitable, type ModelDescription, type ModelGraph, modelGraph } from "../architectures/index.ts"
import * as Onnx from "../onnx/index.ts"
import { AdapterMisfit } from "./AdapterError.ts"

/** A weight W [outputs, inputs] with a change beside it: W + scale · B · A. */
export interface AdaptedWeight {
  /** Its name in the graph: the module's, and `.weight`. */
  readonly name: string
  /** The layer's name, as peft has it. */
  readonly module: string
  readonly outputs: number
  readonly inputs: number
  readonly rank: number
  readonly scale: number
}

/** What is trained of a model whose other weights stay: low-rank changes (LoRA), and some weights in full. */
export interface Adapters {
  /** In the order of the graph. */
  readonly weights: readonly AdaptedWeight[]
  /** The names of the weights that are trained in full: the head's, and those that are asked for. */
  readonly full: readonly string[]
  /** The share of the numbers that A reads which is dropped while training. */
  readonly dropout: number
}

/** A tensor that is trained. */
export interface AdapterTensor {
  readonly name: string
  readonly shape: readonly number[]
}

/** The name of A [rank, inputs] in graphs, after peft's files. */
export const factorA = (module: string): string => `${module}.lora_A.weight`
/** The name of B [outputs, rank]. */
export const factorB = (module: string): string => `${module}.lora_B.weight`

/** The factors of the changes, in the order of the graph. */
export const factorsOf = ({ weights }: Pick<Adapters, "weights">): readonly AdapterTensor[] =>
  weights.flatMap(({ inputs, module, outputs, rank }) => [
    { name: factorA(module), shape: [rank, inputs] },
    { name: factorB(module), shape: [outputs, rank] },
  ])

/** What makes scores of states: always trained. A ModernBERT's `head.dense` is part of its body, as in peft. */
export const isHead = (name: string): boolean =>
  /^(?:head\.(?:score|attention|dense\.\d+)|classifier|score)\./u.test(name)

const moduleOf = (weight: string): string => weight.replace(/\.weight$/u, "")

/** The matrices that a change can be beside: those that are multiplied by, and of which no rows are taken. */
export const adaptable = ({ graph }: Pick<ModelGraph, "graph">): readonly Onnx.GraphParameter[] => {
  const tables = new Set(
    Onnx.inOrder(Object.values(graph.outputs)).flatMap(({ inputs, operation }) =>
      operation.kind === "Gather" ? inputs.slice(0, 1) : [],
    ),
  )
  return Onnx.parametersOf(graph).filter(
    ({ expression, name, shape }) =>
      shape.length === 2 && name.endsWith(".weight") && !isHead(name) && !tables.has(expression),
  )
}

/** Whether a module is one of a model's layers, which are numbered; not a pooler, or a projection of embeddings. */
const isOfLayer = (module: string): boolean => /\.\d+\./u.test(module)

/** Whether a pattern is the end of a name, not a regular expression. */
const isPlain = (pattern: string): boolean => /^[\w.]+$/u.test(pattern)

/** What a pattern of the settings, or of peft's `target_modules`, fits: the end of a name at a dot, or a whole name. */
export const fitting = (pattern: string): Either.Either<(module: string) => boolean, string> =>
  isPlain(pattern)
    ? Either.right((module) => module === pattern || module.endsWith(`.${pattern}`))
    : Either.try({
        try: () => {
          const expression = new RegExp(`^(?:${pattern})$`, "u")
          return (module: string) => expression.test(module)
        },
        catch: causeText,
      })

/** The ends of modules' names, of one or two parts without numbers: what a pattern can look for. */
const endsOf = (modules: readonly string[]): readonly string[] => [
  ...new Set(
    modules.flatMap((module) => {
      const parts = module.split(".")
      return [parts.slice(-1), parts.slice(-2)]
        .filter((end) => end.every((part) => !/^\d+$/u.test(part)))
        .map((end) => end.join("."))
    }),
  ),
]

const fittingAny = (
  where: string,
  patterns: readonly string[],
  modules: readonly string[],
): Either.Either<ReadonlySet<string>, AdapterMisfit> =>
  Either.gen(function* () {
    const found = new Set<string>()
    for (const pattern of patterns) {
      const fits = yield* Either.mapLeft(
        fitting(pattern),
        (why) =>
          new AdapterMisfit({
            where,
            why: `«${pattern}» is no regular expression (${why})`,
            remedy: "Write the end of a layer's name, or an expression that fits whole names",
          }),
      )
      const own = modules.filter(fits)
      if (own.length === 0) {
        const ends = endsOf(modules)
        const nearest = didYouMean(pattern, [...ends, ...modules]).replace(/\?$/u, "")
        return yield* Either.left(
          new AdapterMisfit({
            where,
            why: `«${pattern}» fits nothing of the model${nearest === "" ? "" : `.${nearest}`}`,
            remedy: `There are ${ends.filter((end) => !end.includes(".")).join(", ")}; whole names are like ${modules[0] ?? "none"}`,
          }),
        )
      }
      for (const module of own) found.add(module)
    }
    return found
  })

/** A change that is as large as what it changes is no saving, and peft's products of it are no longer of low rank. */
export const rankMisfit = (
  where: string,
  { inputs, module, outputs, rank }: AdaptedWeight,
): AdapterMisfit | undefined =>
  rank <= Math.min(inputs, outputs)
    ? undefined
    : new AdapterMisfit({
        where,
        why: `${rank} is above the size of ${module}, ${outputs} × ${inputs}`,
        remedy: `Take at most ${Math.min(inputs, outputs)}, or leave that layer out of the targets`,
      })

/** What the settings say is trained of a model. */
export const planAdapters = (
  description: ModelDescription,
  settings: LoraSettings,
): Either.Either<Adapters, AdapterMisfit | HeadUnsuitable> =>
  Either.gen(function* () {
    const model = yield* modelGraph(description)
    const matrices = adaptable(model)
    const modules = matrices.map(({ name }) => moduleOf(name))
    const { alpha, dropout, rank, rslora, targets } = settings
    const chosen =
      targets === undefined
        ? new Set(modules.filter(isOfLayer))
        : yield* fittingAny("train.lora.targets", targets, modules)
    const names = model.tensors.map(({ name }) => name)
    const others = names.filter((name) => !isHead(name) && !chosen.has(moduleOf(name)))
    const asked = yield* fittingAny("train.lora.full", settings.full, [
      ...new Set(others.map((name) => name.replace(/\.(?:weight|bias)$/u, ""))),
    ])
    const weights = matrices.flatMap(({ name, shape: [outputs = 0, inputs = 0] }): readonly AdaptedWeight[] => {
      const module = moduleOf(name)
      const scale = loraScale(rank, alpha ?? 2 * rank, rslora)
      return chosen.has(module) ? [{ name, module, outputs, inputs, rank, scale }] : []
    })
    for (const weight of weights) {
      const misfit = rankMisfit("train.lora.rank", weight)
      if (misfit !== undefined) return yield* Either.left(misfit)
    }
    const full = names.filter((name) => isHead(name) || asked.has(name.replace(/\.(?:weight|bias)$/u, "")))
    return { weights, full, dropout }
  })
