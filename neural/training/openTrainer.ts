import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import { HeadUnsuitable, headsOf, type ModelGraph, modelGraph } from "../architectures/index.ts"
import * as Onnx from "../onnx/index.ts"
import { formGroups, type GroupsInvalid, updateOf } from "../optimizers/index.ts"
import { chooseHardware, type DeviceUnavailable, OnnxRuntime } from "../runtime/index.ts"
import type { Trainer, TrainerOptions } from "./Trainer.ts"
import { WeightsIncomplete } from "./TrainingError.ts"
import { TrainingLoop, type TrainingSessions, type Weight } from "./TrainingLoop.ts"
import { type TrainingGraphs, trainingGraphs } from "./trainingGraphs.ts"

/** The weights that a model has, copied from those that are given. */
const takeWeights = (
  { tensors }: ModelGraph,
  given: ReadonlyMap<string, Float32Array>,
): Effect.Effect<ReadonlyMap<string, Float32Array>, WeightsIncomplete> => {
  const problems = tensors.flatMap(({ name, shape }) => {
    const elements = shape.reduce((a, b) => a * b, 1)
    const found = given.get(name)?.length
    if (found === undefined) return [`${name} is missing`]
    return found === elements ? [] : [`${name} has ${found} elements instead of ${elements}`]
  })
  return problems.length > 0
    ? Effect.fail(new WeightsIncomplete({ problems }))
    : Effect.succeed(new Map(tensors.map(({ name }) => [name, Float32Array.from(given.get(name) ?? [])])))
}

/** Sessions of a trainer's graphs, each opened when it is first needed and closed with the scope. */
const openSessions = (
  options: TrainerOptions,
  graphs: TrainingGraphs,
  inference: Onnx.Graph,
): Effect.Effect<TrainingSessions, never, OnnxRuntime | Scope.Scope> =>
  Effect.gen(function* () {
    const runtime = yield* OnnxRuntime
    const scope = yield* Effect.scope
    const { apart = false, description, device, profile, threads } = options
    const openSession = apart ? yield* runtime.apart : runtime.open
    const lazily = (graph: Onnx.Graph) => {
      const open = Effect.suspend(() => {
        const bytes = Onnx.toBytes(Onnx.encodeModel(graph, { kind: "inputs" }).model)
        const source = { name: `${description.architecture.family} ${graph.name}`, bytes }
        return openSession(source, {
          device,
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
      whole: yield* Effect.cachedFunction((groups: number) => Effect.flatten(lazily(graphs.whole(groups)))),
      inference: yield* lazily(inference),
    }
  })

/** Opens a trainer. Its sessions are opened when they are first needed, and closed with the scope. */
export const openTrainer = (
  options: TrainerOptions,
): Effect.Effect<
  Trainer,
  DeviceUnavailable | HeadUnsuitable | GroupsInvalid | WeightsIncomplete,
  Scope.Scope | OnnxRuntime
> =>
  Effect.gen(function* () {
    const { description, dropout, loss, optimizer } = options
    const hardware = yield* chooseHardware(options.device)
    const model = yield* modelGraph(description)
    if (model.output !== "scores") {
      return yield* new HeadUnsuitable({
        family: description.architecture.family,
        head: description.head.kind,
        why: "it gives no scores that a loss could be taken of",
        heads: headsOf(description.architecture).filter((head) => head !== description.head.kind),
      })
    }
    const values = yield* takeWeights(model, options.weights)
    const groups = yield* formGroups(optimizer, [...values.keys()])
    const frozen = new Set([...groups].flatMap(([name, group]) => (group.frozen ? [name] : [])))
    const graphs = trainingGraphs(description, loss, dropout, frozen)
    const sessions = yield* openSessions(options, graphs, model.graph)
    const byRow = new Set(graphs.byRow)
    const weights = model.tensors.flatMap(({ name, shape }): readonly Weight[] => {
      const [own, group] = [values.get(name), groups.get(name)]
      if (own === undefined || group === undefined) return []
      const update = group.frozen ? undefined : updateOf(optimizer, shape, byRow.has(name))
      return [{ name, shape, values: own, group, update }]
    })
    const loop = new TrainingLoop(options, hardware.device, graphs, sessions, weights)
    return {
      device: hardware.device,
      deviceName: hardware.name,
      groups: optimizer.groups.map(({ frozen: isFrozen, name }, index) => ({
        name,
        frozen: isFrozen,
        tensors: weights.filter(({ group }) => group.group === index).map((weight) => weight.name),
      })),
      step: (step) => loop.step(step),
      score: (texts) => loop.score(texts),
      weights: () => new Map(weights.map(({ name, values: live }) => [name, live.slice()])),
      state: () => loop.state(),
      restore: (state) => loop.restore(state),
    }
  })
