import type { Head, HeadKind } from "../../schemas/index.ts"
import type { Architecture, PretrainedConfig } from "./config.ts"

export { Head, type HeadKind, monoT5Tokens, rankT5Token } from "../../schemas/index.ts"

/** The heads that an architecture has. */
export const headsOf = (architecture: Architecture): readonly HeadKind[] => {
  const pooled: readonly HeadKind[] = ["first-token", "masked-mean", "attention-pooling", "embedding"]
  switch (architecture.family) {
    case "t5":
      return [...pooled, "decoder-logit", "decoder-choice"]
    case "t5gemma":
      return pooled
    case "bert":
      return [...pooled, "classifier"]
  }
}

/** The head that a checkpoint was saved with, as far as its class says it; undefined where a head must be chosen. */
export const headOf = (config: PretrainedConfig): Head | undefined => {
  const { architecture, classes, labels } = config
  const name = classes[0] ?? ""
  if (architecture.family === "bert") {
    if (name.endsWith("ForSequenceClassification")) {
      return { kind: "classifier", labels, label: labels === 1 ? 0 : 1 }
    }
    return name.endsWith("Model") ? { kind: "embedding" } : undefined
  }
  return undefined
}
