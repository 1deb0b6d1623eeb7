import * as Schema from "effect/Schema"
import { Head } from "./Head.ts"

/** `adapter.json` in the folder of a `Kinds.Adapter`: what peft's files beside it cannot say. */
export const AdapterCard = Schema.Struct({
  form: Schema.Literal(1),
  name: Schema.NonEmptyString,
  /** The model beside whose weights it was trained. */
  base: Schema.Struct({
    name: Schema.NonEmptyString,
    origin: Schema.String,
    /** SHA-256 of the weights that it changes: beside others it is refused. */
    fingerprint: Schema.String,
    /** How its weights were kept while it was trained, where not as 32-bit floats. */
    storage: Schema.optionalWith(Schema.Literal("bf16", "int8"), { exact: true }),
  }),
  head: Head,
  /** Numbers that were trained. */
  parameters: Schema.NonNegativeInt,
  origin: Schema.String,
})
export type AdapterCard = typeof AdapterCard.Type

/** The card's file. */
export const adapterCardFile = "adapter.json"
