import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import { type AdapterTensor, adaptedExpression, factorsOf } from "../adapters/index.ts"
import { type HeadUnsuitable, keepAll, type ModelGraph, modelGraph, Parameters } from "../architectures/index.ts"
import * as Onnx from "../onnx/index.ts"
import {
  arraysOf,
  formGroups,
  type GroupsInvalid,
  kernelSpaces,
  updateOf,
  type WeightGroup,
} from "../optimizers/index.ts"
import { chooseHardware, type DeviceUnavailable, OnnxRuntime } from "../runtime/index.ts"
import { isHeld, mappedGraph, tokenRows } from "./mappedGraph.ts"
import { repeatedSteps } from "./repeatedSteps.ts"
import type { Trainer, TrainerOptions } from "./Trainer.ts"
import { BaseUnavailable, WeightsIncomplete } from "./TrainingError.ts"
import { TrainingLoop, type TrainingSessions, type Weight } from "./TrainingLoop.ts"
import { type TrainingGraphs, trainingGraphs } from "./trainingGraphs.ts"

const elementsOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)

/** What of a model's weights is not given as it has them. */
const checkWeights = (
  tensors: readonly AdapterTensor[],
  given: ReadonlyMap<string, Float32Array>,
): Effect.Effect<void, WeightsIncomplete> => {
  const problems = tensors.flatMap(({ name, shape }) => {
    const elements = elementsOf(shape)
    const found = given.get(name)?.length
    if (found === undefined) return [`${name} is missing`]
    return found === elements ? [] : [`${name} has ${found} elements instead of ${elements}`]
  })
  return problems.length > 0 ? Effect.fail(new WeightsIncomplete({ problems })) : Effect.void
}

/** Of weights that are in no group: those beside adapters. */
const staying: WeightGroup = { group: -1, frozen: true, decays: false }

/** The weights, with all that belongs to one in one memory. */
const makeWeights = (
  tensors: readonly AdapterTensor[],
  { optimizer, weights: given }: TrainerOptions,
  groups: ReadonlyMap<string, WeightGroup>,
  { byRow, dense }: TrainingGraphs,
): readonly Weight[] => {
  const [inRows, whole] = [new Set(byRow), new Set(dense)]
  const spaces = kernelSpaces(
    tensors.map(({ name, shape }) => {
      const elements = elementsOf(shape)
      if (whole.has(name)) return [elements, elements, ...arraysOf(optimizer, shape, false)]
      return inRows.has(name) ? [elements, ...arraysOf(optimizer, shape, true)] : [elements]
    }),
  )
  return tensors.flatMap(({ name, shape }, index): readonly Weight[] => {
    const [start, group, space] = [given.get(name), groups.get(name) ?? staying, spaces[index]]
    if (start === undefined || space === undefined) return []
    const values = space(start.length)
    values.set(start)
    const gradient = whole.has(name) ? space(start.length) : undefined
    const update = group.frozen ? undefined : updateOf(optimizer, shape, inRows.has(name), space)
    return [{ name, shape, values, gradient, group, update }]
  })
}

/** Sessions of a trainer's graphs, each opened when it is first needed and closed with the scope. */
const openSessions = (
  options: TrainerOptions,
  graphs: TrainingGraphs,
  inference: Pick<ModelGraph, "graph" | "tokenRows">,
  frozen: ReadonlySet<string>,
  groups: ReadonlyMap<string, WeightGroup>,
): Effect.Effect<TrainingSessions, never, OnnxRuntime | Scope.Scope> =>
  Effect.gen(function* () {
    const runtime = yield* OnnxRuntime
    const scope = yield* Effect.scope
    const { apart = false, base, description, device, prepack = true, profile, threads } = options
    const exactSums = base?.storage !== "int8" || (yield* runtime.exactSums)
    const openSession = apart ? yield* runtime.apart : runtime.open
    const lazily = (
      plain: Onnx.Graph,
      rows = tokenRows(plain),
      within: (graph: Onnx.Graph) => Onnx.Graph | Onnx.RepeatedGraph = (graph) => graph,
    ) => {
      const open = Effect.suspend(() => {
        const { graph: mapped, place } = mappedGraph(plain, base, frozen, rows, exactSums)
        const graph = within(mapped)
        const bytes = Onnx.toBytes(Onnx.encodeModel(graph, place).model)
        const name = `${description.architecture.family} ${graph.name}`
        const source = base === undefined ? { name, bytes } : { name, bytes, folder: base.folder }
        return openSession(source, {
          device,
          prepack,
          ...(threads === undefined ? {} : { threads }),
          ...(profile === undefined ? {} : { profile: `${profile}-${graph.name}` }),
        })
      })
      return Effect.cached(Scope.extend(open, scope))
    }
    return {
      score: yield* lazily(graphs.score),
      loss: yield* lazily(graphs.loss),
      backward: yield* lazily(graphs.backward),
      whole: yield* Effect.cachedFunction((count: number) => Effect.flatten(lazily(graphs.whole(count)))),
      several: yield* Effect.cached(
        Effect.suspend(() => {
          const { body, ...repeated } = repeatedSteps(graphs, groups, options.optimizer)
          return Effect.flatten(lazily(body, tokenRows(body), (mapped) => ({ ...repeated, body: mapped })))
        }),
      ),
      inference: yield* lazily(inference.graph, inference.tokenRows),
    }
  })

/** What scores, with the changes beside its weights; its output is `outcome`, scores or vectors. */
const inferenceGraph = (
  { graph, output, tokenRows: rows }: ModelGraph,
  adapters: TrainerOptions["adapters"],
): Pick<ModelGraph, "graph" | "tokenRows"> => {
  const plain = graph.outputs[output]
  if (plain === undefined) throw new Onnx.GraphError(graph.name, `it has no ${output}`)
  const outcome = adapters === undefined ? plain : adaptedExpression(plain, adapters, new Parameters(), keepAll)
  return { graph: { ...graph, outputs: { outcome } }, tokenRows: rows }
}

/** Opens a trainer. Its sessions are opened when they are first needed, and closed with the scope. */
export const openTrainer = (
  options: TrainerOptions,
): Effect.Effect<
  Trainer,
  BaseUnavailable | DeviceUnavailable | HeadUnsuitable | GroupsInvalid | WeightsIncomplete,
  Scope.Scope | OnnxRuntime
> =>
  Effect.gen(function* () {
    const { description, dropout, loss, optimizer } = options
    const hardware = yield* chooseHardware(options.device)
    const model = yield* modelGraph(description)
    const { adapters, base } = options
    const { storage = "fp32" } = base ?? {}
    if (storage !== "fp32" && hardware.device !== "cpu") {
      return yield* new BaseUnavailable({ storage, device: hardware.device })
    }
    const full = new Set(adapters?.full)
    const candidates =
      adapters === undefined
        ? model.tensors
        : [...model.tensors.filter(({ name }) => full.has(name)), ...factorsOf(adapters)]
    const groups = yield* formGroups(
      optimizer,
      candidates.map(({ name }) => name),
    )
    const tensors = adapters === undefined ? model.tensors : [...model.tensors, ...factorsOf(adapters)]
    const frozen = new Set(tensors.flatMap(({ name }) => (groups.get(name)?.frozen === false ? [] : [name])))
    const held = tensors.filter(({ name }) => base === undefined || !frozen.has(name) || !isHeld(base, name))
    yield* checkWeights(held, options.weights)
    const graphs = trainingGraphs(description, loss, dropout, frozen, adapters, options.recompute, options.vectors)
    const sessions = yield* openSessions(options, graphs, inferenceGraph(model, adapters), frozen, groups)
    const weights = makeWeights(held, options, groups, graphs)
    const loop = new TrainingLoop(options, hardware.device, graphs, sessions, weights)
    return {
      device: hardware.device,
      deviceName: hardware.name,
      groups: optimizer.groups.map(({ frozen: isFrozen, name }, index) => ({
        name,
        frozen: isFrozen,
        tensors: weights.filter(({ group }) => group.group === index).map((weight) => weight.name),
      })),
      width: graphs.width ?? 1,
      step: (step) => loop.step(step),
      steps: (steps) => loop.steps(steps),
      score: (texts) => loop.score(texts),
      weights: () => new Map(weights.map(({ name, values: live }) => [name, live.slice()])),
      state: () => loop.state(),
      restore: (state) => loop.restore(state),
      transferred: () => loop.transferred(),
    }
  })
