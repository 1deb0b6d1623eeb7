import { availableParallelism } from "node:os"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { ModelSource } from "./nativeSession.ts"
import { isTokenInputName, packTexts, type TokenInput, type TokenSequence } from "./packTexts.ts"
import { OnnxRuntime, type Session, type SessionOptions } from "./Session.ts"
import { type Device, type DeviceUnavailable, InferenceFailed, type ModelRejected } from "./SessionError.ts"
import type { TensorDescription } from "./Tensor.ts"

/** A model file whose inputs or outputs are not those of a model that scores token sequences. */
export class InterfaceUnexpected extends Schema.TaggedError<InterfaceUnexpected>()("InterfaceUnexpected", {
  model: Schema.String,
  why: Schema.String,
  inputs: Schema.Array(Schema.String),
  outputs: Schema.Array(Schema.String),
}) {
  override get message(): string {
    return (
      `${this.model} cannot score token sequences: ${this.why}. It has the inputs ${this.inputs.join(", ")} and the outputs ` +
      `${this.outputs.join(", ")}; wanted are input_ids and, if any, attention_mask and token_type_ids, of int64 or int32 ` +
      `[batch, sequence], and an output scores or logits of float32`
    )
  }
}

/** A model gave something that is no number. */
export class ScoreNotFinite extends Schema.TaggedError<ScoreNotFinite>()("ScoreNotFinite", {
  model: Schema.String,
  device: Schema.String,
  /** The index of the text in its batch. */
  text: Schema.NonNegativeInt,
  value: Schema.Number,
}) {
  override get message(): string {
    return `${this.model} on ${this.device} gives ${this.value} for text ${this.text} of a batch: its arithmetic overflowed, or its weights are damaged`
  }
}

/** A model that gives a row of numbers for each text: a score, or logits, or an embedding. */
export interface Scorer {
  readonly device: Device
  readonly deviceName: string
  readonly outputName: string
  /** Numbers of a text's row, as the model declares them; 1 where it says nothing. */
  readonly width: number
  /** Whether texts need their token types. */
  readonly wantsTypes: boolean
  /** How many batches it works at side by side; more wait. */
  readonly lanes: number
  /**
   * The numbers of each text, one row after another: as many as `texts` for scores. A text's row does not depend on the
   * other texts of the batch, but for the rounding of sums (1e-5).
   */
  readonly score: (texts: readonly TokenSequence[]) => Effect.Effect<Float32Array, InferenceFailed | ScoreNotFinite>
}

const show = ({ name, shape, type }: TensorDescription): string => `${name} ${type ?? "?"} [${shape.join(", ")}]`

const tokenInputs = (declared: readonly TensorDescription[]): readonly TokenInput[] | string => {
  const inputs: TokenInput[] = []
  for (const { name, type } of declared) {
    if (!isTokenInputName(name)) return `the input ${name} is unknown`
    if (type !== "int64" && type !== "int32") return `the input ${name} is ${type ?? "no tensor"}`
    inputs.push({ name, type })
  }
  return inputs.some(({ name }) => name === "input_ids") ? inputs : "there is no input input_ids"
}

const outputOf = (declared: readonly TensorDescription[]): TensorDescription | string => {
  const named = ["scores", "embeddings", "logits"].flatMap((name) => declared.filter((each) => each.name === name))
  const output = named[0] ?? (declared.length === 1 ? declared[0] : undefined)
  if (output === undefined) return "none of its outputs is called scores or logits"
  if (output.type !== "float32") return `the output ${output.name} is ${output.type ?? "no tensor"}`
  return output.shape.length === 1 || output.shape.length === 2
    ? output
    : `the output ${output.name} has no row per text`
}

/** What a model that scores token sequences is fed, and what it gives for each. */
export interface ScorerInterface {
  readonly inputs: readonly TokenInput[]
  readonly output: TensorDescription
}

/** Finds a scorer's inputs and its output among those that a model has. */
export const scorerInterface = (
  model: string,
  inputs: readonly TensorDescription[],
  outputs: readonly TensorDescription[],
): Either.Either<ScorerInterface, InterfaceUnexpected> => {
  const refuse = (why: string) =>
    Either.left(new InterfaceUnexpected({ model, why, inputs: inputs.map(show), outputs: outputs.map(show) }))
  const fed = tokenInputs(inputs)
  if (typeof fed === "string") return refuse(fed)
  const output = outputOf(outputs)
  return typeof output === "string" ? refuse(output) : Either.right({ inputs: fed, output })
}

/**
 * How many lanes score fastest on as many threads of a CPU. A small model has as many copies, each with one thread, as there are
 * threads: they need not wait for each other at every operation, which made 1.06 × of a MiniLM's speed and 1.15 to 1.3 × of models of
 * 0.3 million weights. Of one with more than 128 MiB of weights, whose products take long enough, a copy would only take memory.
 */
export const scoringLanes = (weightBytes: number, threads: number): number => (weightBytes <= 2 ** 27 ? threads : 1)

export interface ScorerOptions extends SessionOptions {
  /** Copies of the model on the CPU that work side by side, the threads divided among them. Default 1. */
  readonly lanes?: number
  /** What each lane after the first waits for before it is opened. Default: nothing. */
  readonly another?: Effect.Effect<void, never, Scope.Scope>
}

/** Opens a model that scores token sequences: one of ours, or any ready ONNX cross-encoder. */
export const openScorer = (
  model: ModelSource,
  options: ScorerOptions,
): Effect.Effect<Scorer, DeviceUnavailable | ModelRejected | InterfaceUnexpected, Scope.Scope | OnnxRuntime> =>
  Effect.gen(function* () {
    const runtime = yield* OnnxRuntime
    const { another, lanes: wanted = 1, threads = availableParallelism(), ...rest } = options
    const lanes = (yield* runtime.choose(options.device)) === "cpu" ? Math.min(wanted, threads) : 1
    const openLane = Effect.gen(function* () {
      const open = yield* lanes === 1 ? Effect.succeed(runtime.open) : runtime.apart
      return yield* open(model, { ...rest, threads: Math.floor(threads / lanes) })
    })
    const atOnce = another === undefined ? lanes : 1
    const sessions = yield* Effect.replicateEffect(openLane, atOnce, { concurrency: "unbounded" })
    const [session] = sessions
    if (session === undefined) return yield* Effect.dieMessage("a scorer has at least one lane")
    const free = yield* Queue.unbounded<Session>()
    yield* Queue.offerAll(free, sessions)
    // A lane that cannot be opened is one less: the first was.
    const later = Effect.flatMap(Effect.zipRight(another ?? Effect.void, openLane), (lane) => Queue.offer(free, lane))
    for (let lane = atOnce; lane < lanes; lane++) yield* Effect.forkScoped(Effect.ignore(later))
    const inLane = <A, E>(use: (lane: Session) => Effect.Effect<A, E>): Effect.Effect<A, E> =>
      Effect.acquireUseRelease(Queue.take(free), use, (lane) => Queue.offer(free, lane))
    const name = "path" in model ? model.path : model.name
    const { inputs, output } = yield* scorerInterface(name, session.inputs, session.outputs)

    const score: Scorer["score"] = (texts) =>
      Effect.gen(function* () {
        if (texts.length === 0) return new Float32Array(0)
        const feeds = packTexts(inputs, texts)
        const rows = (yield* inLane((lane) => lane.run(feeds))).get(output.name)
        if (rows?.type !== "float32" || rows.data.length % texts.length !== 0) {
          const found = rows === undefined ? "nothing" : `${rows.type} [${rows.shape.join(", ")}]`
          return yield* new InferenceFailed({
            model: name,
            device: session.device,
            inputs: [`${texts.length} texts`],
            why: `the output ${output.name} is ${found}`,
          })
        }
        const bad = rows.data.findIndex((value) => !Number.isFinite(value))
        if (bad >= 0) {
          return yield* new ScoreNotFinite({
            model: name,
            device: session.device,
            text: Math.floor(bad / (rows.data.length / texts.length)),
            value: rows.data[bad] ?? Number.NaN,
          })
        }
        return rows.data
      })
    return {
      device: session.device,
      deviceName: session.deviceName,
      outputName: output.name,
      width: typeof output.shape[1] === "number" ? output.shape[1] : 1,
      wantsTypes: inputs.some((input) => input.name === "token_type_ids"),
      lanes,
      score,
    }
  })
