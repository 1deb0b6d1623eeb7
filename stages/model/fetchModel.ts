import { homedir } from "node:os"
import { join } from "node:path"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { fetchCheckpoint, type HubOptions, snapshotIn } from "../../neural/index.ts"
import type { Progress, StageRun } from "../../pipeline/index.ts"
import type { ModelHubConfig, modelOutputs } from "./contract.ts"
import type { ModelFolder } from "./ModelFolder.ts"
import { makeModel } from "./makeModel.ts"

const text = (name: string) => Config.option(Config.nonEmptyString(name))

/**
 * Where the hub is and where what was fetched is kept: from the variables that Hugging Face's own tools read. None of them
 * decides what a model is, so they are no part of a key; and a token stands in no message and no artifact.
 */
const hubOptions = Effect.gen(function* () {
  const cache = yield* text("HF_HUB_CACHE")
  const home = yield* text("HF_HOME")
  const general = yield* text("XDG_CACHE_HOME")
  const token = yield* Config.option(Config.redacted("HF_TOKEN"))
  const endpoint = yield* text("HF_ENDPOINT")
  const offline = yield* Config.withDefault(Config.boolean("HF_HUB_OFFLINE"), false)
  const usualHome = () =>
    join(
      Option.getOrElse(general, () => join(homedir(), ".cache")),
      "huggingface",
    )
  return {
    cache: Option.getOrElse(cache, () => join(Option.getOrElse(home, usualHome), "hub")),
    token: Option.getOrUndefined(Option.map(token, Redacted.value)),
    offline,
    ...Option.match(endpoint, { onNone: () => ({}), onSome: (address) => ({ endpoint: address }) }),
  } satisfies HubOptions
})

/** The folder in Hugging Face's cache that a revision was fetched into, if any was; nothing is asked of the hub. */
export const cachedSnapshot = (repository: string, revision: string) =>
  Effect.map(hubOptions, ({ cache }) => snapshotIn(cache, repository, revision))

/** A repository's checkpoint as a folder: in Hugging Face's cache, fetched unless it is there. */
export const fetchFolder = (repository: string, revision: string, progress: (progress: Progress) => void) =>
  Effect.gen(function* () {
    const options = yield* hubOptions
    const { commit, files, folder } = yield* fetchCheckpoint(repository, revision, {
      ...options,
      onProgress: ({ bytes, total, file }) =>
        progress({ done: bytes, unit: "bytes", detail: file, ...(total === undefined ? {} : { total }) }),
    })
    const origin = `hub ${repository} at commit ${commit}`
    return { commit, source: { folder, files, graph: undefined, origin } satisfies ModelFolder }
  })

/** Makes a model of a repository of the hub. */
export const run: StageRun<ModelHubConfig, Record<never, never>, typeof modelOutputs> = ({
  config,
  outputs,
  progress,
  warn,
}) =>
  Effect.gen(function* () {
    const { repository, revision, ...settings } = config
    const { commit, source } = yield* fetchFolder(repository, revision, progress)
    const result = yield* makeModel(source, settings, outputs, warn)
    return { ...result, facts: { ...result.facts, commit } }
  })
