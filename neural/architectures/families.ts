import type { Family, ModelType } from "./Family.ts"
import { albertFamily } from "./families/Albert.ts"
import { bertFamily } from "./families/Bert.ts"
import { debertaFamily } from "./families/Deberta.ts"
import { distilBertFamily } from "./families/DistilBert.ts"
import { gemmaFamily } from "./families/Gemma.ts"
import { modernBertFamily } from "./families/ModernBert.ts"
import { mpNetFamily } from "./families/MpNet.ts"
import { qwenFamily } from "./families/Qwen.ts"
import { t5Family } from "./families/T5.ts"
import { t5GemmaFamily } from "./families/T5Gemma.ts"
import { t5Gemma2Family } from "./families/T5Gemma2.ts"

/** The families of models, in the order in which they are listed. */
export const families: readonly Family[] = [
  t5Family,
  t5GemmaFamily,
  t5Gemma2Family,
  bertFamily,
  modernBertFamily,
  debertaFamily,
  distilBertFamily,
  albertFamily,
  mpNetFamily,
  qwenFamily,
  gemmaFamily,
]

/** How each `model_type` of a `config.json` is read. */
export const modelTypes: ReadonlyMap<string, ModelType> = new Map(
  families.flatMap((family) => Object.entries(family.modelTypes)),
)

/** What can be built, by `model_type` of a Hugging Face `config.json`. */
export const knownModelTypes: readonly string[] = [...modelTypes.keys()]
