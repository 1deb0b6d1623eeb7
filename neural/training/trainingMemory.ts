import * as Either from "effect/Either"
import type { Device } from "../../schemas/index.ts"
import { type AdapterTensor, factorsOf } from "../adapters/index.ts"
import { frozenForms, type HeadUnsuitable, type ModelGraph, modelGraph } from "../architectures/index.ts"
import * as Onnx from "../onnx/index.ts"
import { arraysOf, formGroups, type GroupsInvalid } from "../optimizers/index.ts"
import { usualTokensPerMicroBatch } from "./microBatches.ts"
import type { BaseStorage, TrainerOptions } from "./Trainer.ts"
import { type TrainingGraphs, trainingGraphs } from "./trainingGraphs.ts"

/** A training of which memory is asked, before anything of it is loaded. */
export interface PlannedTraining
  extends Pick<
    TrainerOptions,
    "adapters" | "description" | "dropout" | "loss" | "optimizer" | "recompute" | "tokensPerMicroBatch" | "vectors"
  > {
  /** How weights that stay are kept in a file; undefined where they are fed at each step. */
  readonly storage: BaseStorage | undefined
  readonly device: Device
  /** Lists of a step, items of a list, and how many tokens the longest text can have. */
  readonly lists: number
  readonly m: number
  readonly longest: number
  /** Whether the weights of the best measurement are kept beside the present ones. */
  readonly watched: boolean
  /** How many steps a run has; undefined where it is one. */
  readonly stepsPerRun?: number | undefined
}

/** What a training needs, in bytes. */
export interface TrainingMemory {
  /** Numbers that are trained, and all of the model's. */
  readonly trained: number
  readonly numbers: number
  /** Weights that the host holds: those that are trained, as they are read and as they are changed, and those that are fed. */
  readonly weights: number
  readonly gradients: number
  /** What the optimizer remembers. */
  readonly moments: number
  /** Weights that are kept besides: the best so far, and the state that is being saved. */
  readonly copies: number
  /** Weights that stay, in a file which is mapped; on a device a copy of them. */
  readonly base: number
  /** Values between the first layer and the last, at the longest batch. */
  readonly values: number
  /** Bytes that go to the device and come back at each step, where it is not the CPU. */
  readonly moved: number
  /** In all: of the host, of the device (0 where that is the host), and of the host what is no file's. */
  readonly host: number
  readonly device: number
  readonly allocated: number
  /** How many texts go through the model at once. */
  readonly batch: number
  /** Tokens of a step's texts where all are as long as can be, if they are more than go through at once and several steps of a run were asked for. */
  readonly tooMany: number | undefined
}

const elementsOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)
const sizeOf = (tensors: readonly AdapterTensor[]): number =>
  tensors.reduce((sum, { shape }) => sum + elementsOf(shape), 0)

/** The process without any model. */
const processBytes = 220e6

/** What memory is given out in leaves gaps: by so much more is touched than is in use. */
const gaps = 1.4

const formBytes = { float: 4, half: 2, blocks: 1.125, columns: 1, rows: 1, transposed: 1 } as const

/** Bytes of weights in a file of a storage, with tables, and without those of which a batch touches only some rows. */
const baseBytes = (model: ModelGraph, frozen: ReadonlySet<string>, storage: BaseStorage) => {
  const forms = storage === "fp32" ? undefined : frozenForms(model, storage)
  const tables = new Set(
    Onnx.inOrder(Object.values(model.graph.outputs)).flatMap(({ inputs: [table], operation }) =>
      operation.kind === "Gather" && operation.axis === 0 && table?.operation.kind === "Parameter"
        ? [table.operation.name]
        : [],
    ),
  )
  let [whole, touched] = [0, 0]
  for (const { name, shape } of model.tensors) {
    if (!frozen.has(name)) continue
    const each = (forms?.get(name) ?? ["float" as const]).reduce((sum, form) => sum + formBytes[form], 0)
    const bytes = each * elementsOf(shape)
    whole += bytes
    if (!tables.has(name)) touched += bytes
  }
  return { whole, touched }
}

/** The values of a graph with the weights that stay in their form. */
const valuesOf = (
  graph: Onnx.Graph,
  sizes: ReadonlyMap<string, number>,
  frozen: ReadonlySet<string>,
  forms: ReadonlyMap<string, readonly Onnx.StoredWeight["kind"][]> | undefined,
  storage: BaseStorage | undefined,
  rows: readonly Onnx.Dim[],
): number => {
  if (forms === undefined || storage === undefined || storage === "fp32") return Onnx.valueMemory(graph, sizes)
  const mapped = Onnx.quantizedGraph(graph, {
    rows,
    weights: storage,
    tableElements: 0,
    leastInner: 0,
    present: (weight, kind) => frozen.has(weight) && forms.get(weight)?.includes(kind) === true,
  })
  return Onnx.valueMemory(mapped.graph, sizes)
}

/** The most that goes through the model at once. */
const longestBatch = ({ description, lists, longest, m, tokensPerMicroBatch }: PlannedTraining) => {
  // Of a model that gives vectors the queries are texts of their own.
  const texts = lists * m + (description.head.kind === "embedding" ? lists : 0)
  const most = tokensPerMicroBatch ?? usualTokensPerMicroBatch(description.architecture)
  const whole = texts * longest <= most
  return { tokens: texts * longest, whole, batch: whole ? texts : Math.max(1, Math.floor(most / longest)) }
}

/**
 * What a training needs of memory at its longest batch: the arrays of the trainer, counted, and the values of its graphs, as they come
 * and go in the order in which onnxruntime computes them.
 */
export const trainingMemory = (
  training: PlannedTraining,
): Either.Either<TrainingMemory, HeadUnsuitable | GroupsInvalid> =>
  Either.gen(function* () {
    const { adapters, description, device, dropout, longest, loss, optimizer, recompute, storage, watched } = training
    const model = yield* modelGraph(description)
    const full = new Set(adapters?.full)
    const factors = adapters === undefined ? [] : factorsOf(adapters)
    const candidates = adapters === undefined ? model.tensors : model.tensors.filter(({ name }) => full.has(name))
    const groups = yield* formGroups(
      optimizer,
      [...candidates, ...factors].map(({ name }) => name),
    )
    const isTrained = ({ name }: AdapterTensor): boolean => groups.get(name)?.frozen === false
    const trained = [...candidates, ...factors].filter(isTrained)
    const staying = model.tensors.filter((tensor) => !isTrained(tensor))
    const frozen = new Set([...model.tensors, ...factors].flatMap((each) => (isTrained(each) ? [] : [each.name])))
    const graphs = trainingGraphs(description, loss, dropout, frozen, adapters, recompute, training.vectors)
    const byRow = new Set(graphs.byRow)
    const fed = storage === undefined ? sizeOf(staying) : 0
    const numbers = sizeOf(trained)
    const gradients = sizeOf(trained.filter(({ name }) => !byRow.has(name)))
    const moments = trained.reduce(
      (sum, { name, shape }) => sum + arraysOf(optimizer, shape, byRow.has(name)).reduce((a, b) => a + b, 0),
      0,
    )
    const { batch, tokens, whole } = longestBatch(training)
    const suffix = whole ? ".0" : ""
    const sizes = new Map([
      [`batch${suffix}`, batch],
      [`sequence${suffix}`, longest],
      ["lists", training.lists],
      ["m", training.m],
    ])
    const forms = storage === undefined || storage === "fp32" ? undefined : frozenForms(model, storage)
    const ofGraph = (graph: Onnx.Graph): number =>
      valuesOf(graph, sizes, frozen, forms, storage, [
        Onnx.dimensions.multiply(Onnx.dimensions.named(`batch${suffix}`), Onnx.dimensions.named(`sequence${suffix}`)),
      ])
    const parts = (made: TrainingGraphs): number =>
      whole ? ofGraph(made.whole(1)) : ofGraph(made.score) + ofGraph(made.backward)
    const values = gaps * parts(graphs)
    const base = storage === undefined ? { whole: 0, touched: 0 } : baseBytes(model, frozen, storage)
    // Of steps that go together, what is carried from one to the next, as it was and as it becomes, and tables' gradients in their shape.
    const { stepsPerRun = 1 } = training
    const state = 4 * (numbers + moments)
    const carried = stepsPerRun > 1 && whole ? 2 * state + 4 * numbers : 0
    // As they are read, and as they are changed.
    const weights = 4 * (2 * numbers + 2 * fed)
    const copies = 4 * (numbers + moments + (watched ? numbers : 0))
    const arrays = weights + 4 * (gradients + moments) + copies
    const moved = carried > 0 ? (2 * state + 4 * fed) / stepsPerRun : 4 * (numbers + fed + numbers)
    const onHost = device === "cpu"
    const fetched = carried > 0 ? state : 4 * numbers
    const allocated = processBytes + arrays + (onHost ? values + carried : fetched)
    return {
      trained: numbers,
      numbers: sizeOf(model.tensors) + sizeOf(factors),
      weights,
      gradients: 4 * gradients,
      moments: 4 * moments,
      copies,
      base: onHost ? base.touched : base.whole,
      values,
      moved: onHost ? 0 : moved,
      host: allocated + base.touched,
      device: onHost ? 0 : base.whole + 4 * (numbers + fed) + values + carried,
      allocated,
      batch,
      tooMany: stepsPerRun > 1 && !whole ? tokens : undefined,
    }
  })

/** A change of a training's settings that takes less memory. */
export interface MemoryRemedy {
  /** As on the command line: `train.recompute=true`. */
  readonly settings: readonly string[]
  readonly memory: TrainingMemory
}

/**
 * What would make a training smaller: the changes that are open to it, each on top of those before.
 *
 * @param memory of the training as it is
 */
export const memoryRemedies = (training: PlannedTraining, memory: TrainingMemory): readonly MemoryRemedy[] => {
  const found: MemoryRemedy[] = []
  let now = { settings: new Array<string>(), training, memory }
  const tried = (setting: string, change: Partial<PlannedTraining>): void => {
    const next = { ...now.training, ...change }
    const less = Either.getOrUndefined(trainingMemory(next))
    if (less === undefined || total(less) > 0.97 * total(now.memory)) return
    now = { settings: [...now.settings, setting], training: next, memory: less }
    found.push({ settings: now.settings, memory: less })
  }
  if (training.recompute !== true) tried("train.recompute=true", { recompute: true })
  const few = Math.max(1, Math.min(8, Math.floor(memory.batch / 4))) * training.longest
  if (few < memory.batch * training.longest) {
    tried(`train.tokensPerMicroBatch=${few}`, { tokensPerMicroBatch: few })
  }
  if (training.adapters !== undefined && training.device === "cpu" && training.storage === "fp32") {
    tried("train.lora.base=int8", { storage: "int8" })
  }
  return found
}

const total = ({ device, host }: TrainingMemory): number => (device > 0 ? device : host)
