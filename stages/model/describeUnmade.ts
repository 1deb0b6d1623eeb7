import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import {
  decodeConfig,
  families,
  headKindOf,
  headOf,
  headsOf,
  type ModelDescription,
  type PretrainedConfig,
  readConfig,
} from "../../neural/index.ts"
import { type Head, isScratch, type ModelSettings, modelFiles, type TrainedModel } from "../../schemas/index.ts"
import { adapterFolder, isAdapterFolder } from "./AdapterFolder.ts"
import { cachedSnapshot } from "./fetchModel.ts"
import { ModelUnsuitable } from "./ModelError.ts"
import { modelSource } from "./ModelSource.ts"

/** Where a model's own files say no limit. */
const usualTokens = 512

/** A head of a kind, of which the entries and labels are not known yet: its sizes are what counts. */
const headLike = (kind: Head["kind"]): Head => {
  switch (kind) {
    case "decoder-logit":
      return { kind, token: 0 }
    case "decoder-choice":
      return { kind, yes: 0, no: 1 }
    case "classifier":
      return { kind, labels: 1, label: 0 }
    default:
      return { kind }
  }
}

const describe = (
  config: PretrainedConfig,
  { head: asked, maximumTokens }: Partial<ModelSettings>,
): ModelDescription => {
  const { architecture } = config
  const saved = headOf(config)
  const [usual = "masked-mean"] = headsOf(architecture)
  const head = typeof asked === "object" ? asked : headLike(asked ?? saved?.kind ?? headKindOf(config) ?? usual)
  const limit = Math.min(maximumTokens ?? usualTokens, architecture.positionLimit ?? Number.POSITIVE_INFINITY)
  return { architecture, head: asked === undefined && saved !== undefined ? saved : head, maximumTokens: limit }
}

/** The configuration of a model in a folder, or of the hub in the cache; nothing is fetched. */
const configOf = (source: string, revision: string) =>
  Effect.gen(function* () {
    const found = modelSource(source)
    if (found.kind === "files") return yield* readConfig(found.folder)
    const folder = yield* cachedSnapshot(found.repository, revision)
    if (folder === undefined || !existsSync(join(folder, modelFiles.config))) {
      return yield* new ModelUnsuitable({
        model: source,
        problem: "the hub's cache does not have its config.json yet",
        remedy: "Fetch it once: `model inspect`, or huggingface-cli download.",
      })
    }
    return yield* decodeConfig(JSON.parse(readFileSync(join(folder, modelFiles.config), "utf8")))
  })

/**
 * The sizes of a model that is to be trained, from its settings and its configuration: of its weights nothing is read, and nothing is
 * fetched. What its head and the longest text are, where only its tokenizer or its weights would say it, is taken as usual.
 */
export const describeUnmade = (model: TrainedModel) =>
  Effect.gen(function* () {
    if (isScratch(model)) {
      const written = families.find((family) => family.name === model.scratch)?.scratch?.(model)
      return describe(yield* decodeConfig(written), { ...model, head: model.head })
    }
    const settings: Partial<ModelSettings> & { readonly source: string } =
      typeof model === "string" ? { source: model } : model
    const { revision = "main", source } = settings
    const over = settings.adapter ?? (isAdapterFolder(source) ? source : undefined)
    const adapter = over === undefined ? undefined : adapterFolder(over)
    const base = settings.adapter === undefined ? adapter?.base : undefined
    const config = yield* configOf(base?.source ?? source, base?.revision ?? revision)
    return describe(config, { ...(adapter?.head === undefined ? {} : { head: adapter.head }), ...settings })
  })
