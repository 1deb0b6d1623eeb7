import * as Schema from "effect/Schema"

export const count = Schema.Int.pipe(Schema.positive())
export const weight = Schema.Number.pipe(Schema.finite(), Schema.nonNegative())
export const share = Schema.Number.pipe(Schema.between(0, 1))

/** A setting that may be left out: then it has this value, and every key that depends on it says so. */
export const setting = <A, I>(schema: Schema.Schema<A, I>, value: NoInfer<A>, description: string) =>
  Schema.optionalWith(schema, { default: () => value }).annotations({ description, default: value })

/** A setting that may be left out, and then is worked out from what it concerns. */
export const choice = <A, I>(schema: Schema.Schema<A, I>, description: string) =>
  Schema.optionalWith(schema, { exact: true }).annotations({ description })

/** A part of the configuration; left out, all its settings have their defaults. */
export const section = <A, I>(schema: Schema.Schema<A, I>, description: string) =>
  Schema.optionalWith(schema, { default: () => Schema.decodeUnknownSync(schema)({}) }).annotations({ description })
