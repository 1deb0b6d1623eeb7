import type * as Effect from "effect/Effect"
import type { OptimizerSettings } from "../../schemas/index.ts"
import type { Adapters } from "../adapters/index.ts"
import type { ModelDescription } from "../architectures/index.ts"
import type { Loss } from "../losses/index.ts"
import type { ExternalLocation } from "../onnx/index.ts"
import type {
  Device,
  DeviceChoice,
  DeviceUnavailable,
  InferenceFailed,
  ModelRejected,
  ScoreNotFinite,
  TokenSequence,
} from "../runtime/index.ts"
import type { StateForeign } from "./TrainingError.ts"

/** How weights that stay are kept: as 32-bit or 16-bit floats, or as 8-bit numbers (`freezeModel`). */
export type BaseStorage = "fp32" | "bf16" | "int8"

/** Weights that stay, in a file: constants of a trainer's graphs, mapped into memory once for all of its sessions. */
export interface FrozenWeights {
  /** The folder of the file. */
  readonly folder: string
  /** Default: 32-bit floats. Others are of the CPU. */
  readonly storage?: BaseStorage
  /**
   * By the names of the graph, or those of the forms that `storage` keeps, where in the file each is; there may be more than are
   * frozen.
   */
  readonly locations: ReadonlyMap<string, ExternalLocation>
  /** What tells these weights from others: a hash of the file, or of the model. */
  readonly fingerprint: string
}

/** How a step's scores are made of vectors, where a model gives them. */
export interface VectorScores {
  /** A score is a product of two vectors divided by it. */
  readonly temperature: number
  /** The weight of the loss `infonce` over the passages of all lists, beside the training's own. */
  readonly inBatch: number
}

/** What a trainer is made from. */
export interface TrainerOptions {
  /** The model: what it gives for a text is a score, or the vector of a query or a passage. */
  readonly description: ModelDescription
  /**
   * The weights to begin with, by the names of `modelGraph(description).tensors` and of the adapters' factors. They are copied. What
   * stays and is in `base` may be absent.
   */
  readonly weights: ReadonlyMap<string, Float32Array>
  /**
   * Low-rank changes beside weights: then these, and the weights that they say are trained in full, are all that is trained, and the
   * optimizer's groups are of them. Default: all weights are trained that no group freezes.
   */
  readonly adapters?: Adapters
  /** Where weights that stay are read from. Default: they are fed at each step. */
  readonly base?: FrozenWeights
  /** Whether constant weights are packed for faster products, each session its own, twice where it goes back. Default: yes. */
  readonly prepack?: boolean
  readonly loss: Loss
  /** Of a model that gives vectors. Default: products as they are, and each list for itself */
  readonly vectors?: VectorScores
  readonly optimizer: OptimizerSettings
  /** The share of elements that is dropped at each of the model's places; 0 costs nothing. */
  readonly dropout: number
  /** Of the dropout. */
  readonly seed: number
  /**
   * Whether the values inside of layers are made again on the way back, layer by layer, instead of being kept: the same gradients in
   * less memory, for a third more time. Default: no.
   */
  readonly recompute?: boolean
  readonly device: DeviceChoice
  /** Threads of one operation on the CPU. Default: as many as the machine gives this process. */
  readonly threads?: number
  /** Whether its sessions run in a thread of their own, beside the program and other trainers. Default: no. CPU only. */
  readonly apart?: boolean
  /** How many tokens go through the model at once, padding included. Default: what takes about 2 GB. */
  readonly tokensPerMicroBatch?: number
  /**
   * How many tokens' time it costs to divide the texts of a step into one more group that is padded on its own; infinite, they are
   * not divided. Default: 64 on the CPU, infinite on other devices.
   */
  readonly groupOverhead?: number
  /** The beginning of the paths of onnxruntime's profiles, one a graph, written when the trainer is closed: to look at. */
  readonly profile?: string
}

/** The lists of one step. Everything is row-major: item `i` of list `l` is at `l · m + i`. */
export interface TrainingStep {
  /** Steps from 0. It selects the dropout masks and the bias corrections. */
  readonly step: number
  /** How many lists. */
  readonly lists: number
  /** Items a list, padding included. */
  readonly m: number
  /**
   * The items' texts, lists × m. Of equally scored items the later in its list ranks first: in the order of their docids'
   * bytes they are ranked as everywhere. A text under a mask of 0 is not looked at.
   */
  readonly texts: readonly TokenSequence[]
  /** The lists' queries, for a model that gives vectors: then `texts` are passages. */
  readonly queries?: readonly TokenSequence[]
  /**
   * [lists × lists · m]: 1 at the passages that are no answer to a list's query, each once; for a loss that looks at those of all lists.
   */
  readonly others?: Uint8Array
  /** [lists × m]; below 0 counts as 0. */
  readonly grades: Float32Array
  /** [lists × m]: 1 at items, 0 where a list has fewer than m. */
  readonly mask: Uint8Array
  /** A teacher's scores, [lists × m]; for losses that need one. */
  readonly teacher?: Float32Array
  /** The learning rate of each group of the optimizer's settings, in their order. */
  readonly learningRates: readonly number[]
}

/** What became of a step. */
export interface StepReport {
  /** The mean over the lists that count, before the update. */
  readonly loss: number
  /** The loss's parts, before they are weighted: `pairwise` and `softmax` of the hybrid loss. */
  readonly components: Readonly<Record<string, number>>
  /** How many lists have a relevant item and one of a lower grade: the others have nothing to say. */
  readonly countedLists: number
  /** The gradient's norm over all weights that are not frozen, before it is clipped. */
  readonly gradientNorm: number
  /** Tokens of the texts, without padding. */
  readonly tokens: number
  /** Whether loss and gradient are finite. If not, nothing was updated; nor where no list counts. */
  readonly finite: boolean
}

/** Everything that the next step depends on: saved and restored, training goes on with the same bytes. */
export interface TrainerState {
  /** How many updates were made. */
  readonly updates: number
  /**
   * Weights as `weight:<name>`, moments as `<moment>:<name>`; in an order fixed by the model. Copies. What lies in a file and stays
   * is not among them.
   */
  readonly tensors: ReadonlyMap<string, Float32Array | Int32Array>
  /** The fingerprint of the weights that stay, where they lie in a file. */
  readonly base?: string
}

/** Why a step cannot be made. Sessions are opened by the first step that needs them. */
export type StepFailure = InferenceFailed | ModelRejected | DeviceUnavailable

/** A model in training. It is closed with its scope. */
export interface Trainer {
  readonly device: Device
  readonly deviceName: string
  /** The weights that each group of the optimizer's settings has. */
  readonly groups: readonly { readonly name: string; readonly frozen: boolean; readonly tensors: readonly string[] }[]
  /**
   * One step: scores, loss, gradient, update. The same state, step and lists give the same bytes on the same machine with
   * the same number of threads. The gradient is exact however many micro-batches it takes.
   */
  readonly step: (step: TrainingStep) => Effect.Effect<StepReport, StepFailure>
  /**
   * Steps one after another, in one run of a session if all fit into a micro-batch, have as many lists and items, and follow their
   * gradient by AdamW over whole tables: then weights and moments go to the device and come back once. What becomes of them is what `step`
   * makes of them, but for rounding. They end with the first that is not finite.
   */
  readonly steps: (steps: readonly TrainingStep[]) => Effect.Effect<readonly StepReport[], StepFailure>
  /** Numbers that the model gives for a text: 1, its score, or those of its vector. */
  readonly width: number
  /** The texts' scores, or their vectors, by the present weights, without dropout, in the order given; batches are made inside. */
  readonly score: (texts: readonly TokenSequence[]) => Effect.Effect<Float32Array, StepFailure | ScoreNotFinite>
  /** The present weights by name, without those that lie in a file and stay; copies. */
  readonly weights: () => ReadonlyMap<string, Float32Array>
  readonly state: () => TrainerState
  readonly restore: (state: TrainerState) => Effect.Effect<void, StateForeign>
  /** Bytes that went into sessions and came out of them since it was opened. */
  readonly transferred: () => { readonly fed: number; readonly fetched: number }
}
