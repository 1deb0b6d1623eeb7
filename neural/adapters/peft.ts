import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { AdapterMisfit } from "./AdapterError.ts"
import { fitting } from "./Adapters.ts"

/** The files of an adapter, as peft calls them; the head is ours where transformers' model has none. */
export const adapterFiles = {
  config: "adapter_config.json",
  weights: "adapter_model.safetensors",
  head: "head.safetensors",
} as const

/** What stands before all names in peft's file of weights. */
export const peftPrefix = "base_model.model."

const Numbers = Schema.Record({ key: Schema.String, value: Schema.Number })
const orNull = <A, I>(schema: Schema.Schema<A, I>) =>
  Schema.optionalWith(Schema.NullOr(schema), { default: () => null })
const patterns = Schema.Union(Schema.String, Schema.Array(Schema.String))

/** What is read of peft's `adapter_config.json`; peft leaves out what has its usual value in older versions. */
const PeftConfig = Schema.Struct({
  peft_type: Schema.String,
  r: Schema.optionalWith(Schema.Int.pipe(Schema.positive()), { default: () => 8 }),
  lora_alpha: Schema.optionalWith(Schema.Number, { default: () => 8 }),
  lora_dropout: Schema.optionalWith(Schema.Number, { default: () => 0 }),
  use_rslora: Schema.optionalWith(Schema.Boolean, { default: () => false }),
  rank_pattern: orNull(Numbers),
  alpha_pattern: orNull(Numbers),
  target_modules: orNull(patterns),
  exclude_modules: orNull(patterns),
  layers_to_transform: orNull(Schema.Unknown),
  modules_to_save: orNull(Schema.Array(Schema.String)),
  base_model_name_or_path: orNull(Schema.String),
  bias: Schema.optionalWith(Schema.String, { default: () => "none" }),
  init_lora_weights: Schema.optionalWith(Schema.Unknown, { default: () => true }),
  use_dora: Schema.optionalWith(Schema.Unknown, { default: () => false }),
  lora_bias: Schema.optionalWith(Schema.Unknown, { default: () => false }),
  fan_in_fan_out: Schema.optionalWith(Schema.Unknown, { default: () => false }),
  use_qalora: Schema.optionalWith(Schema.Unknown, { default: () => false }),
  use_bdlora: orNull(Schema.Unknown),
  target_parameters: orNull(Schema.Unknown),
  layer_replication: orNull(Schema.Unknown),
  alora_invocation_tokens: orNull(Schema.Unknown),
  trainable_token_indices: orNull(Schema.Unknown),
  arrow_config: orNull(Schema.Unknown),
  kasa_config: orNull(Schema.Unknown),
  velora_config: orNull(Schema.Unknown),
  monteclora_config: orNull(Schema.Unknown),
})

/** An adapter as peft describes it. */
export interface PeftAdapter {
  readonly base: string | undefined
  readonly dropout: number
  /** Rank and scale of a module's change. */
  readonly sizesOf: (module: string) => { readonly rank: number; readonly scale: number }
  /** Whether a module is changed, by its name in transformers' model. */
  readonly targets: (module: string) => boolean
  /** Whether every module that `targets` is said to be changed; some may be left out by other fields. */
  readonly complete: boolean
  /** Whether a module is saved whole. */
  readonly saves: (module: string) => boolean
}

/** Features whose fields say that they are used, and what they do; none of them is a change B · A of a weight alone. */
const refused = {
  use_dora: "DoRA, a change of length and direction apart",
  lora_bias: "biases of the factors",
  fan_in_fan_out: "weights that are stored transposed",
  use_qalora: "QALoRA",
  use_bdlora: "BD-LoRA",
  target_parameters: "changes of parameters that are no layer's weight",
  layer_replication: "layers that are used twice",
  alora_invocation_tokens: "aLoRA, which acts from a token on",
  trainable_token_indices: "rows of the embedding that are trained",
  arrow_config: "Arrow, a choice among adapters",
  kasa_config: "KaSA",
  velora_config: "VeLoRA",
  monteclora_config: "MonteCLoRA",
} as const

/** First values of the factors that leave the base as it is; others (PiSSA, OLoRA, CorDA …) also change the base. */
const plainStarts: readonly unknown[] = [true, false, "gaussian", "eva", "orthogonal"]

const isUsed = (value: unknown): boolean =>
  value !== undefined && value !== null && value !== false && !(Array.isArray(value) && value.length === 0)

/** Whether peft's pattern of ranks and alphas fits a module: an expression that its end is, after a dot or whole. */
const patternFits = (pattern: string, module: string): boolean =>
  new RegExp(`^(?:.*\\.)?(?:${pattern})$`, "u").test(module)

/**
 * Reads peft's `adapter_config.json`.
 *
 * @param where what an error is to name
 */
export const readPeftConfig = (where: string, json: unknown): Either.Either<PeftAdapter, AdapterMisfit> =>
  Either.gen(function* () {
    const refuse = (field: string, why: string, remedy: string) =>
      Either.left(new AdapterMisfit({ where: `${where}, ${field}`, why, remedy }))
    const config = yield* Either.mapLeft(
      Schema.decodeUnknownEither(PeftConfig)(json),
      ({ message }) =>
        new AdapterMisfit({
          where,
          why: `it is no configuration of peft's: ${message}`,
          remedy: "Save the adapter again with peft",
        }),
    )
    if (config.peft_type !== "LORA") {
      return yield* refuse(
        "peft_type",
        `${config.peft_type} is not built; LORA is`,
        "Train a LoRA, or merge the adapter in peft",
      )
    }
    const merge = "Merge the adapter in peft (merge_and_unload) and give the whole model"
    for (const [field, what] of Object.entries(refused)) {
      if (isUsed(Object.entries(config).find(([name]) => name === field)?.[1])) {
        return yield* refuse(field, `${what}, is not built`, merge)
      }
    }
    if (config.bias !== "none") {
      return yield* refuse("bias", `«${config.bias}»: trained biases of the base are not built`, merge)
    }
    if (!plainStarts.includes(config.init_lora_weights)) {
      const why = `«${String(config.init_lora_weights)}» also changes the weights of the base`
      return yield* refuse("init_lora_weights", why, merge)
    }
    const fitter = (field: string, given: string | readonly string[] | null) =>
      Either.gen(function* () {
        if (given === null) return () => false
        // A list is of ends of names; a text is an expression, «all-linear» aside.
        const tests = yield* Either.mapLeft(
          typeof given === "string"
            ? Either.map(fitting(`(?:${given})`), (fits) => [fits])
            : Either.all(given.map((each) => fitting(each))),
          (why) => new AdapterMisfit({ where: `${where}, ${field}`, why, remedy: "Save the adapter again with peft" }),
        )
        return (module: string) => tests.some((fits) => fits(module))
      })
    const everyLinear = config.target_modules === "all-linear"
    const targets = everyLinear ? () => true : yield* fitter("target_modules", config.target_modules)
    const excludes = yield* fitter("exclude_modules", config.exclude_modules)
    const saves = yield* fitter("modules_to_save", config.modules_to_save)
    const { alpha_pattern: alphas, lora_alpha, r, rank_pattern: ranks, use_rslora } = config
    const of = (pattern: Readonly<Record<string, number>> | null, module: string, usual: number): number =>
      Object.entries(pattern ?? {}).find(([key]) => patternFits(key, module))?.[1] ?? usual
    return {
      base: config.base_model_name_or_path ?? undefined,
      dropout: config.lora_dropout,
      sizesOf: (module) => {
        const rank = of(ranks, module, r)
        const alpha = of(alphas, module, lora_alpha)
        return { rank, scale: alpha / (use_rslora ? Math.sqrt(rank) : rank) }
      },
      targets: (module) => targets(module) && !excludes(module),
      complete: !everyLinear && !isUsed(config.layers_to_transform),
      saves,
    }
  })
