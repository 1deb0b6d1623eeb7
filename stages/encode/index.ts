/** Texts to vectors: passages or queries, by an embedding model. */
import * as Effect from "effect/Effect"
import { stage } from "../../pipeline/index.ts"
import type { StoredStage } from "../../schemas/index.ts"
import { EncodeConfig, encodeInputs, encodeOutputs } from "./contract.ts"

export type { EncodeError } from "./EncodeError.ts"

/** A vector for each tokenized text, in their order. A killed run goes on with the batches that are left. */
export const encode = stage({
  name: "encode",
  config: EncodeConfig,
  inputs: encodeInputs,
  outputs: encodeOutputs,
  code: "stages/encode/encode.ts",
  load: () => import("./encode.ts"),
  native: ["onnxruntime"],
  resumable: true,
  occupies: "machine",
  determinism: "seeded",
  split: {
    shards: ({ shards = 1 }) => shards,
    code: "stages/encode/joinVectors.ts",
    load: () => import("./joinVectors.ts"),
  },
})

/** Opens what encoded the queries of an earlier run, for queries that are typed. */
export const openEncoder = (stored: StoredStage) =>
  Effect.flatMap(
    Effect.promise(() => import("./openEncoder.ts")),
    (loaded) => loaded.openEncoder(stored),
  )
