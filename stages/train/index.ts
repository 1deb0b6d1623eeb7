/** Training: from a model, what is to be learnt and how, to another model and the log of its making. */
import { stage } from "../../pipeline/index.ts"
import { onOneCore, TrainConfig, trainInputs, trainOutputs } from "./contract.ts"

export { TrainConfig } from "./contract.ts"
export type { TrainError } from "./TrainError.ts"

/** Trains a model. A killed run goes on from its last checkpoint, and ends with the same bytes. */
export const train = stage({
  name: "train",
  config: TrainConfig,
  inputs: trainInputs,
  outputs: trainOutputs,
  code: "stages/train/train.ts",
  load: () => import("./train.ts"),
  native: ["duckdb", "onnxruntime"],
  resumable: true,
  occupies: (config) => (onOneCore(config) ? "core" : "machine"),
  determinism: "seeded",
})
