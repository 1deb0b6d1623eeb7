import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import {
  checkFields,
  DenseActivation,
  type DenseLayer,
  type Head,
  modelFiles,
  Pooling as PoolingName,
  readyGraphRemedy,
  refusedText,
} from "../../schemas/index.ts"
import { type ModelFileFailed, ModelUnsuitable } from "./ModelError.ts"
import { type ModelFolder, readJson } from "./ModelFolder.ts"
import { type SentenceTransformersFile, sentenceTransformersFields } from "./sentenceTransformersFields.ts"

const nullable = <A, I>(schema: Schema.Schema<A, I>) => Schema.optional(Schema.NullOr(schema))

const General = Schema.Struct({
  model_type: nullable(Schema.String),
  prompts: nullable(Schema.Record({ key: Schema.String, value: Schema.NullOr(Schema.String) })),
  default_prompt_name: nullable(Schema.String),
  similarity_fn_name: nullable(Schema.String),
  truncate_dim: nullable(Schema.Int.pipe(Schema.positive())),
  activation_fn: nullable(Schema.String),
})

const Transformer = Schema.Struct({
  max_seq_length: nullable(Schema.Int.pipe(Schema.positive())),
  do_lower_case: nullable(Schema.Boolean),
})

/** Older files say by flags how they pool, newer ones by names. */
const flags = {
  pooling_mode_cls_token: "cls",
  pooling_mode_max_tokens: "max",
  pooling_mode_mean_tokens: "mean",
  pooling_mode_mean_sqrt_len_tokens: "mean_sqrt_len_tokens",
  pooling_mode_weightedmean_tokens: "weightedmean",
  pooling_mode_lasttoken: "lasttoken",
} as const

const flagNames = [
  "pooling_mode_cls_token",
  "pooling_mode_max_tokens",
  "pooling_mode_mean_tokens",
  "pooling_mode_mean_sqrt_len_tokens",
  "pooling_mode_weightedmean_tokens",
  "pooling_mode_lasttoken",
] as const

const flag = nullable(Schema.Boolean)

const Pooling = Schema.Struct({
  pooling_mode: nullable(Schema.Union(Schema.String, Schema.Array(Schema.String))),
  include_prompt: flag,
  pooling_mode_cls_token: flag,
  pooling_mode_max_tokens: flag,
  pooling_mode_mean_tokens: flag,
  pooling_mode_mean_sqrt_len_tokens: flag,
  pooling_mode_weightedmean_tokens: flag,
  pooling_mode_lasttoken: flag,
})

const width = Schema.Int.pipe(Schema.positive())

const Dense = Schema.Struct({
  in_features: width,
  out_features: width,
  bias: Schema.optional(Schema.Boolean),
  activation_function: Schema.optional(Schema.String),
})

const Modules = Schema.Array(Schema.Struct({ type: Schema.String, path: Schema.String }))

type EmbeddingHead = Extract<Head, { kind: "embedding" }>

/** What sentence-transformers wrote beside a checkpoint. */
export interface SavedSettings {
  /** Whether its modules end in a pooling: then it gives vectors, whatever class its weights were saved from. */
  readonly pools: boolean
  readonly limit: number | undefined
  readonly lowercases: boolean
  /** What stands before a bi-encoder's texts, and before a cross-encoder's pair. */
  readonly prompts: { readonly query: string; readonly passage: string; readonly pair: string }
  /** What is put on a cross-encoder's logits. */
  readonly activation: string | undefined
  /** The head of a bi-encoder, or what of it is not built. */
  readonly embedding: Effect.Effect<EmbeddingHead, ModelUnsuitable>
  /** The folders of its modules Dense, in their order. */
  readonly dense: ReadonlyArray<string>
  /** Fields of which nothing is known here, and what the files say that has no effect. */
  readonly warnings: ReadonlyArray<string>
}

type Prompts = Readonly<Record<string, string | null>>

const bracketed = (names: ReadonlyArray<string>): string => names.map((name) => `«${name}»`).join(", ")

/**
 * The prompts of a bi-encoder as release 6.2.0 has them: «query» and «document», which are empty where the file has none, and so
 * go before every other name and before the default; and what is to be said of the others.
 */
const promptsOf = (prompts: Prompts, byDefault: string | undefined) => {
  const query = prompts["query"] ?? ""
  const passage = prompts["document"] ?? ""
  const warnings: Array<string> = []
  const said = (name: string): boolean => (prompts[name] ?? "") !== ""
  const other = ["passage", "corpus"].find(said)
  if (other !== undefined && passage === "") {
    warnings.push(
      `its prompt «${other}» stands before nothing: sentence-transformers 6.2.0 puts «document» before passages, and that alone, whatever its documentation says; if the model was trained with it, set passagePrefix`,
    )
  }
  if (byDefault !== undefined && said(byDefault) && byDefault !== "query" && byDefault !== "document") {
    warnings.push(
      `default_prompt_name «${byDefault}» is of encode(); encode_query and encode_document, which are followed here, take «query» and «document» instead, and nothing where there are none; queryPrefix and passagePrefix say otherwise`,
    )
  }
  return { query, passage, warnings }
}

const poolingMode = (pooling: typeof Pooling.Type): ReadonlyArray<string> => {
  if (pooling.pooling_mode !== undefined && pooling.pooling_mode !== null) return [pooling.pooling_mode].flat()
  const set = flagNames.filter((name) => pooling[name] === true).map((name) => flags[name])
  return set.length === 0 ? ["mean"] : set
}

const modulePackage = /^sentence_transformers\./u
/** Where the files of each module lie. */
const paths: Readonly<Record<string, RegExp>> = {
  Transformer: /^$/u,
  Pooling: /^1_Pooling$/u,
  Dense: /^\d{1,2}_Dense$/u,
  // An older Normalize has no files, and any path.
  Normalize: /^/u,
}
const usualPath: Readonly<Record<string, string>> = { Transformer: "", Pooling: "1_Pooling", Dense: "<number>_Dense" }

/** torch's function by its path; undefined where it is another, or code that sentence-transformers would not load. */
const denseActivation = (path: string) => {
  const name = /^torch\.nn\.(?:modules\.(?:activation|linear)\.)?(\w+)$/u.exec(path)?.[1]
  return DenseActivation.literals.find((each) => each === name)
}

/** What sentence-transformers wrote into a folder; what is not built is refused by field. */
export const readSentenceTransformers = (
  source: ModelFolder,
  model: string,
): Effect.Effect<SavedSettings, ModelFileFailed | ModelUnsuitable> =>
  Effect.gen(function* () {
    const warnings: Array<string> = []
    const unsuitable = (problem: string, remedy = readyGraphRemedy) => new ModelUnsuitable({ model, problem, remedy })
    const read = <A, I>(table: SentenceTransformersFile, schema: Schema.Schema<A, I>, name: string = table) =>
      Effect.gen(function* () {
        const json = yield* readJson(source, name, Schema.Unknown)
        if (json === undefined) return undefined
        for (const each of Array.isArray(json) ? json : [json]) {
          const { refused, unknown } = checkFields(sentenceTransformersFields[table], each)
          warnings.push(...unknown.map((field) => unknownText(name, field)))
          const [first] = refused
          if (first !== undefined) return yield* unsuitable(`its ${name}: ${refusedText(first)}`, first.remedy)
        }
        return yield* readJson(source, name, schema)
      })
    if (source.files.includes("adapter_config.json")) {
      return yield* unsuitable(
        "its adapter_config.json says that an adapter (PEFT) belongs on top of its weights, which is not built",
        "Merge it once in Python: merge_and_unload(), then save_pretrained.",
      )
    }
    const general = yield* read("config_sentence_transformers.json", General)
    const transformer = yield* read("sentence_bert_config.json", Transformer)
    const pooling = yield* read("1_Pooling/config.json", Pooling)
    const listed = yield* read("modules.json", Modules)
    const kind = general?.model_type ?? "SentenceTransformer"
    if (kind !== "SentenceTransformer" && kind !== "CrossEncoder") {
      return yield* unsuitable(
        `its config_sentence_transformers.json: model_type is «${kind}», which is not built`,
        "Take a bi-encoder (SentenceTransformer) or a cross-encoder (CrossEncoder).",
      )
    }
    const prompts = general?.prompts ?? {}
    const byDefault = general?.default_prompt_name ?? undefined
    if (byDefault !== undefined && !Object.hasOwn(prompts, byDefault)) {
      return yield* unsuitable(
        `its config_sentence_transformers.json: default_prompt_name is «${byDefault}», and its prompts are ${bracketed(Object.keys(prompts)) || "none"}`,
        "Mend the name.",
      )
    }
    const single = promptsOf(prompts, byDefault)
    const modules = (listed ?? []).map(({ path, type }) => ({
      path,
      name: modulePackage.test(type) ? (type.split(".").at(-1) ?? type) : type,
    }))
    for (const { name, path } of modules) {
      const pattern = paths[name]
      if (pattern === undefined) return yield* unsuitable(`its modules.json has a module ${name}, which is not built`)
      if (!pattern.test(path)) {
        const usual = usualPath[name] ?? ""
        return yield* unsuitable(
          `its modules.json has the module ${name} at «${path}»; it is read at «${usual}»`,
          usual === "" ? `Give the folder ${path}, if it stands for itself.` : "Rename the folder.",
        )
      }
    }
    const names = modules.map(({ name }) => name)
    const behind = names.slice(1).filter((name) => name !== "Transformer")
    if (kind === "CrossEncoder" && behind.length > 0) {
      return yield* unsuitable(
        `its modules.json has ${behind.join(", ")} behind a cross-encoder's Transformer: a score that is made so is not built`,
      )
    }
    const pools = names.includes("Pooling")
    const layers: Array<DenseLayer> = []
    const dense: Array<string> = []
    let normalized = false
    for (const { name, path } of modules) {
      if (name === "Normalize") {
        yield* read("2_Normalize/config.json", Schema.Unknown, `${path}/config.json`)
        normalized = true
      }
      if (name !== "Dense") continue
      const file = `${path}/config.json`
      const layer = yield* read("2_Dense/config.json", Dense, file)
      if (layer === undefined) {
        return yield* unsuitable(
          `its modules.json has a Dense at «${path}», but there is no ${file}`,
          "Fetch it again.",
        )
      }
      const { activation_function: stated = "torch.nn.modules.activation.Tanh" } = layer
      const activation = denseActivation(stated)
      if (activation === undefined) {
        return yield* unsuitable(
          `its ${file}: activation_function is «${stated}», which is not built; torch's ${DenseActivation.literals.join(", ")} are`,
        )
      }
      if (!source.files.includes(`${path}/${modelFiles.weights}`)) {
        return yield* unsuitable(
          `its module ${path} has no ${modelFiles.weights}; a pytorch_model.bin is pickle, which can run code and is never read`,
          'Save it once in Python: SentenceTransformer("…").save_pretrained("out").',
        )
      }
      dense.push(path)
      layers.push({
        inputs: layer.in_features,
        outputs: layer.out_features,
        bias: layer.bias ?? true,
        activation,
        ...(normalized ? { normalizedInput: true } : {}),
      })
      normalized = false
    }
    const embedding = Effect.gen(function* () {
      const inOrder =
        names[0] === "Transformer" &&
        (names.length === 1 || names[1] === "Pooling") &&
        names.slice(2).every((name) => name === "Dense" || name === "Normalize")
      if (names.length > 0 && !inOrder) {
        return yield* unsuitable(`its modules.json has the modules ${names.join(", ")}, an order that is not built`)
      }
      if (names.length > 0 && !pools) return yield* unsuitable("its modules.json has no Pooling: it gives no vectors")
      if (pools && pooling === undefined) {
        return yield* unsuitable(
          "its modules.json has a Pooling, but there is no 1_Pooling/config.json",
          "Fetch it again.",
        )
      }
      const modes = poolingMode(pooling ?? {})
      const [mode, ...more] = modes
      const pooled = PoolingName.literals.find((each) => each === mode)
      if (pooled === undefined || more.length > 0) {
        return yield* unsuitable(
          `its 1_Pooling/config.json: pooling_mode is ${modes.join(" + ")}, which is not built; ${PoolingName.literals.join(", ")} are, each alone`,
        )
      }
      const similarity = general?.similarity_fn_name ?? "cosine"
      if (similarity !== "cosine" && similarity !== "dot" && similarity !== "dot_score" && similarity !== "cos_sim") {
        return yield* unsuitable(
          `its config_sentence_transformers.json: similarity_fn_name is «${similarity}», which is not built; cosine and dot are`,
        )
      }
      // A prompt is never a text's last token.
      const leavesOut =
        mode !== "lasttoken" && pooling?.include_prompt === false && (single.query !== "" || single.passage !== "")
      return {
        kind: "embedding",
        ...(pooled === "mean" ? {} : { pooling: pooled }),
        ...(leavesOut ? { leavesOutPrompt: true } : {}),
        ...(Arr.isNonEmptyReadonlyArray(layers) ? { dense: layers } : {}),
        ...(normalized ? { normalized } : {}),
        ...(typeof general?.truncate_dim === "number" ? { truncateDim: general.truncate_dim } : {}),
        ...(similarity.startsWith("dot") ? { similarity: "dot" } : {}),
      } satisfies EmbeddingHead
    })
    return {
      pools: pools && kind === "SentenceTransformer",
      limit: transformer?.max_seq_length ?? undefined,
      lowercases: transformer?.do_lower_case === true,
      prompts: {
        query: single.query,
        passage: single.passage,
        pair: (kind === "CrossEncoder" && byDefault !== undefined ? prompts[byDefault] : undefined) ?? "",
      },
      activation: general?.activation_fn ?? undefined,
      embedding,
      dense,
      warnings: kind === "CrossEncoder" ? warnings : [...warnings, ...single.warnings],
    }
  })

/** An unknown field in words. */
export const unknownText = (file: string, field: string): string =>
  `${file} has the field ${field}, of which nothing is known here: it may change the scores`
