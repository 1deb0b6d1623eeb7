/** Texts to vectors: passages or queries, by an embedding model. */
import { stage } from "../../pipeline/index.ts"
import { EncodeConfig, encodeInputs, encodeOutputs } from "./contract.ts"

export type { EncodeError } from "./EncodeError.ts"
export { openEncoder } from "./openEncoder.ts"

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
})
