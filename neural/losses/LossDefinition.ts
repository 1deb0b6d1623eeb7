import * as Schema from "effect/Schema"
import * as Onnx from "../onnx/index.ts"
import type { Lists } from "./Lists.ts"

/** A loss by its kind, with its own settings filled in: plain data. */
export interface Loss {
  readonly kind: string
  /** Its settings; of a loss from outside also `code`, the digest of its code. */
  readonly [setting: string]: LossSetting
}

/** What a loss can be told. */
export const LossSetting = Schema.Union(Schema.String, Schema.Number, Schema.Boolean)
export type LossSetting = typeof LossSetting.Type

const filledSettings = Schema.decodeUnknownSync(Schema.Record({ key: Schema.String, value: LossSetting }))

/** A part of a loss: a value of each list, [lists, 1], and its weight. */
export interface LossPart<T extends Onnx.FloatType> {
  readonly name: string
  readonly weight: number
  readonly perList: Onnx.Expression<T>
}

/** The operations that a loss is an expression of. */
export type Operations = typeof Onnx

/** A loss as the configuration names it: one file makes one, and `registry.ts` lists it. */
export interface LossDefinition {
  readonly name: string
  /** One line for people. */
  readonly description: string
  /** What it can be told; none where there is nothing to set. */
  readonly settings: Schema.Schema.AnyNoContext | undefined
  /** Whether it learns from a teacher's scores. */
  readonly needsTeacher: boolean
  /** Whether it looks at the passages of a step's other lists, where a model compares each query with them. */
  readonly overBatch: boolean
  /** A loss of this kind with settings, those left out at their defaults. Throws a ParseError where they are none. */
  readonly fill: (settings: unknown) => Loss
  /** The loss of lists. */
  readonly parts: <T extends Onnx.FloatType>(loss: Loss, lists: Lists<T>) => ReadonlyArray<LossPart<T>>
}

/** What a loss is made from. */
export interface LossSpec<A, I> {
  readonly name: string
  readonly description: string
  /** A struct of settings, each with a default. Left out, there is nothing to set. */
  readonly settings?: Schema.Schema<A, I>
  readonly needsTeacher?: boolean
  readonly overBatch?: boolean
  /** Its parts, or one that is all of it: a value of each list, [lists, 1]. Ranks are constants of the gradient. */
  readonly parts: <T extends Onnx.FloatType>(
    lists: Lists<T>,
    settings: A,
    operations: Operations,
  ) => ReadonlyArray<LossPart<T>> | Onnx.Expression<T>
}

const isParts = <T extends Onnx.FloatType>(
  made: ReadonlyArray<LossPart<T>> | Onnx.Expression<T>,
): made is ReadonlyArray<LossPart<T>> => Array.isArray(made)

/** Makes a loss from what can be set and what it computes. */
export const defineLoss = <A = unknown, I = unknown>(spec: LossSpec<A, I>): LossDefinition => {
  const { description, name, needsTeacher = false, overBatch = false, settings } = spec
  const decode = Schema.decodeUnknownSync(settings ?? Schema.make<A, I>(Schema.Struct({}).ast))
  return {
    name,
    description,
    settings,
    needsTeacher,
    overBatch,
    fill: (given) => ({ ...(settings === undefined ? {} : filledSettings(decode(given))), kind: name }),
    parts: (loss, lists) => {
      const made = spec.parts(lists, decode(loss), Onnx)
      return isParts(made) ? made : [{ name, weight: 1, perList: made }]
    },
  }
}
