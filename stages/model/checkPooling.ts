import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type ModelFileFailed, ModelUnsuitable } from "./ModelError.ts"
import { type ModelFolder, readJson } from "./ModelFolder.ts"

/** A file of `sentence-transformers` says by flags how it pools, a newer one by names. */
const Pooling = Schema.Record({ key: Schema.String, value: Schema.Unknown })
const Modules = Schema.Array(Schema.Struct({ type: Schema.String }))
const Comparison = Schema.Struct({ similarity_fn_name: Schema.optional(Schema.NullOr(Schema.String)) })

const builtModules: ReadonlySet<string> = new Set(["Transformer", "Pooling", "Normalize"])

const isMean = (pooling: typeof Pooling.Type): boolean => {
  const { pooling_mode: named } = pooling
  const flags = Object.entries(pooling).flatMap(([name, on]) => (on === true ? [name] : []))
  const modes = [named ?? flags.filter((name) => name.startsWith("pooling_mode_"))].flat()
  return modes.length === 1 && (modes[0] === "mean" || modes[0] === "pooling_mode_mean_tokens")
}

/** Refuses a model of sentence-transformers whose scores would come out wrong in silence. */
export const checkPooling = (
  source: ModelFolder,
  name: string,
): Effect.Effect<void, ModelFileFailed | ModelUnsuitable> =>
  Effect.gen(function* () {
    const pooling = yield* readJson(source, "1_Pooling/config.json", Pooling)
    const modules = ((yield* readJson(source, "modules.json", Modules)) ?? []).map(
      ({ type }) => type.split(".").at(-1) ?? type,
    )
    const compared = (yield* readJson(source, "config_sentence_transformers.json", Comparison))?.similarity_fn_name
    const strange = modules.find((type) => !builtModules.has(type))
    const problem =
      pooling !== undefined && !isMean(pooling)
        ? "its 1_Pooling/config.json pools otherwise than by the mean of the tokens"
        : strange !== undefined
          ? `its modules.json has a module ${strange}`
          : // Of vectors of length 1 the product is the cosine.
            (compared ?? "cosine") !== "cosine" && !modules.includes("Normalize")
            ? `its vectors are compared by «${compared}»`
            : undefined
    if (problem === undefined) return
    return yield* new ModelUnsuitable({
      model: name,
      problem: `${problem}, which is not built`,
      remedy: "Take a bi-encoder with mean pooling and cosine, or export this one to ONNX as a cross-encoder.",
    })
  })
