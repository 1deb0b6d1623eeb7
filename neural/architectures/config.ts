import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { FieldTable } from "../../schemas/index.ts"
import type { Architecture } from "./Architecture.ts"
import { UnknownArchitecture } from "./ArchitectureError.ts"
import { checkConfig, decoded, invalid, type Outcome, or, size } from "./ConfigJson.ts"
import { knownModelTypes, modelTypes } from "./families.ts"

/** What `config.json` says besides: for choosing a head and reading its output. */
export interface PretrainedConfig {
  readonly architecture: Architecture
  /** The class names it was saved from: `["T5ForConditionalGeneration"]`. */
  readonly classes: readonly string[]
  /** How many labels a classifier has: the entries of id2label, else num_labels, else Hugging Face's default of 2. */
  readonly labels: number
  /** Their names, by number; LABEL_0 and so on where the file gives none. */
  readonly labelNames: readonly string[]
  /** Whether the labels are independent of one another: problem_type multi_label_classification. */
  readonly independentLabels: boolean
  /** What sentence-transformers puts on a cross-encoder's logits, as it writes it. */
  readonly activation: string | undefined
  /** Fields of the file of which nothing is known here, with dots. */
  readonly unknownFields: readonly string[]
}

const mostLabels = 10_000

const problems = ["regression", "single_label_classification", "multi_label_classification"] as const

const Common = Schema.Struct({
  model_type: or(Schema.String, ""),
  architectures: or(Schema.NullOr(Schema.Array(Schema.String)), null),
  id2label: or(Schema.NullOr(Schema.Record({ key: Schema.String, value: Schema.Unknown })), null),
  num_labels: or(Schema.NullOr(size), null),
  problem_type: or(Schema.NullOr(Schema.Literal(...problems)), null),
  sbert_ce_default_activation_function: or(Schema.NullOr(Schema.String), null),
  sentence_transformers: or(
    Schema.NullOr(Schema.Struct({ activation_fn: or(Schema.NullOr(Schema.String), null) })),
    null,
  ),
})

/** What becomes of the fields of `config.json`, by `model_type`. */
export const architectureFields = (): ReadonlyArray<readonly [modelType: string, table: FieldTable]> =>
  [...modelTypes].map(([name, { fields }]) => [name, fields])

/** The names of labels, or transformers' own where the file gives none. */
const labelNamesOf = (names: Readonly<Record<string, unknown>> | null, labels: number): readonly string[] =>
  Array.from({ length: labels }, (_, label) => {
    const name = names?.[String(label)]
    return typeof name === "string" ? name : `LABEL_${label}`
  })

/** Reads the content of a Hugging Face `config.json`, field by field: what is not built is refused, what is unknown is told. */
export const decodeConfig = (json: unknown): Outcome<PretrainedConfig> =>
  Either.gen(function* () {
    const common = yield* decoded("model", Common, json)
    const modelType = common.model_type
    const reader = modelTypes.get(modelType)
    if (reader === undefined) return yield* Either.left(new UnknownArchitecture({ modelType, known: knownModelTypes }))
    const { fields, read } = reader
    const unknownFields = yield* checkConfig(modelType, fields, json)
    const architecture = yield* read(json)
    const { id2label, num_labels, problem_type, sbert_ce_default_activation_function, sentence_transformers } = common
    const labels = id2label === null ? (num_labels ?? 2) : Math.max(1, Object.keys(id2label).length)
    if (labels > mostLabels) return yield* invalid(modelType, "num_labels", `${labels} labels are no ranking model's`)
    return {
      architecture,
      classes: common.architectures ?? [],
      labels,
      labelNames: labelNamesOf(id2label, labels),
      independentLabels: problem_type === "multi_label_classification",
      activation: sentence_transformers?.activation_fn ?? sbert_ce_default_activation_function ?? undefined,
      unknownFields,
    }
  })
