import { existsSync, readFileSync } from "node:fs"
import { readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { causeText, describesModel, isDenseWeights, makeFolders } from "../../schemas/index.ts"
import {
  HubAccessDenied,
  HubChecksumWrong,
  type HubError,
  HubInterrupted,
  HubNotFound,
  HubOffline,
  HubUnusable,
} from "./HubError.ts"
import { type HubConnection, type HubProgress, hubDownload, hubJson, Refused } from "./hubDownload.ts"

/** Where checkpoints come from and where they are kept. */
export interface HubOptions {
  /** The cache's folder, laid out as Hugging Face's own (`models--owner--name/snapshots/<commit>/…`), so that either finds what the other fetched. */
  readonly cache: string
  /** A token for gated and private repositories; sent to the hub's own origin only. */
  readonly token?: string | undefined
  /** Nothing is fetched: the cache has it or it is an error. */
  readonly offline?: boolean
  /** The hub's origin. Default `https://huggingface.co`. */
  readonly endpoint?: string
  /** Failures in a row after which it is given up. Default 5. */
  readonly attempts?: number
  /** First pause between attempts, doubled each time. Default 1 s. */
  readonly pauseMillis?: number
  /** A connection that brings nothing for so long is given up. Default 60 s. */
  readonly stallMillis?: number
  readonly onProgress?: (progress: HubProgress) => void
}

/** A checkpoint in the cache. */
export interface HubCheckpoint {
  readonly repository: string
  /** The commit that the revision named: with the repository's name, what to cite. */
  readonly commit: string
  /** Absolute path of the folder with its files. */
  readonly folder: string
  /** Names of its files in that folder, sorted. */
  readonly files: ReadonlyArray<string>
}

const shard = /^model-\d{5}-of-\d{5}\.safetensors$/u
const graph = /^(?:onnx\/)?model\.onnx(?:[._]data(?:_\d+)?)?$/u

/**
 * The files of a repository that a checkpoint needs: configuration, tokenizer and safetensors; where there are no
 * safetensors, a ready ONNX graph. Undefined when there are no weights of either kind.
 */
export const checkpointFiles = (names: ReadonlyArray<string>): ReadonlyArray<string> | undefined => {
  const weights = names.includes("model.safetensors")
    ? ["model.safetensors"]
    : names.includes("model.safetensors.index.json")
      ? ["model.safetensors.index.json", ...names.filter((name) => shard.test(name))]
      : names.filter((name) => graph.test(name))
  if (weights.length === 0) return undefined
  const dense = weights.some((name) => name.startsWith("model.safetensors")) ? names.filter(isDenseWeights) : []
  return [...names.filter(describesModel), ...dense, ...weights].sort()
}

const Listing = Schema.Struct({
  sha: Schema.String.pipe(Schema.pattern(/^[0-9a-f]{40,64}$/u)),
  siblings: Schema.Array(
    Schema.Struct({ rfilename: Schema.String, size: Schema.optional(Schema.NullOr(Schema.Number)) }),
  ),
})

const goodName = /^[\w.-]+(?:\/[\w.-]+)?$/u
const goodRevision = /^[\w.-]+(?:\/[\w.-]+)*$/u
const isCommit = /^[0-9a-f]{40}$/u
const goesUp = (path: string): boolean => path.split("/").some((part) => part === ".." || part === "." || part === "")

/** Files under a folder, by relative name. */
const listFiles = async (folder: string): Promise<Array<string>> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll("\\", "/"),
    )
    .sort()
}

const ShardIndex = Schema.parseJson(
  Schema.Struct({ weight_map: Schema.Record({ key: Schema.String, value: Schema.String }) }),
)

/** What a snapshot lacks to be a whole checkpoint; undefined when it lacks nothing. */
const lacking = async (folder: string): Promise<string | undefined> => {
  const names = await listFiles(folder)
  if (names.length === 0) return "everything"
  if (!names.includes("config.json")) return "config.json"
  if (checkpointFiles(names) === undefined) return "weights"
  if (names.includes("model.safetensors") || !names.includes("model.safetensors.index.json")) return undefined
  const text = await readFile(join(folder, "model.safetensors.index.json"), "utf8")
  const index = Schema.decodeUnknownOption(ShardIndex)(text)
  if (index._tag === "None") return "a readable model.safetensors.index.json"
  return Object.values(index.value.weight_map).find((file) => !names.includes(file))
}

const homeOf = (cache: string, repository: string): string => join(cache, `models--${repository.replaceAll("/", "--")}`)

/** The folder in the cache that a revision was fetched into, whole or in part; undefined where there is none. */
export const snapshotIn = (cache: string, repository: string, revision: string): string | undefined => {
  const home = homeOf(cache, repository)
  const ref = join(home, "refs", revision)
  const commit = isCommit.test(revision) ? revision : existsSync(ref) ? readFileSync(ref, "utf8").trim() : undefined
  const folder = commit === undefined ? undefined : join(home, "snapshots", commit)
  return folder !== undefined && existsSync(folder) ? folder : undefined
}

/**
 * A checkpoint of the hub, by repository (`owner/name`) and revision (branch, tag or commit), in the local cache: fetched
 * if it is not there, with resume and checksum. A branch is looked up anew each time, unless offline; a commit that is in
 * the cache needs no connection.
 */
export const fetchCheckpoint = (
  repository: string,
  revision: string,
  options: HubOptions,
): Effect.Effect<HubCheckpoint, HubError> =>
  Effect.gen(function* () {
    const endpoint = (options.endpoint ?? "https://huggingface.co").replace(/\/+$/u, "")
    if (!goodName.test(repository) || goesUp(repository) || !goodRevision.test(revision) || goesUp(revision))
      return yield* new HubUnusable({
        repository: `${repository}@${revision}`,
        problem: "this is not the name of a repository and a revision",
        remedy: "Give owner/name, and a branch, tag or commit; or the folder of a local checkpoint.",
      })
    const home = homeOf(options.cache, repository)
    const ref = join(home, "refs", revision)
    const snapshotOf = (commit: string): string => join(home, "snapshots", commit)
    const cached = (commit: string) =>
      Effect.promise(async () => {
        const folder = snapshotOf(commit)
        const missing = await lacking(folder)
        return missing === undefined
          ? { found: { repository, commit, folder, files: await listFiles(folder) } }
          : { missing }
      })

    if (options.offline === true || isCommit.test(revision)) {
      const commit = isCommit.test(revision)
        ? revision
        : yield* Effect.promise(() =>
            readFile(ref, "utf8").then(
              (text) => text.trim(),
              () => "",
            ),
          )
      const state = commit === "" ? { missing: "everything" } : yield* cached(commit)
      if ("found" in state) return state.found
      if (options.offline === true)
        return yield* new HubOffline({ repository, revision, cache: options.cache, missing: state.missing })
    }

    const connection: HubConnection = {
      endpoint,
      token: options.token === "" ? undefined : options.token,
      attempts: options.attempts ?? 5,
      pauseMillis: options.pauseMillis ?? 1000,
      stallMillis: options.stallMillis ?? 60_000,
      onProgress: options.onProgress ?? (() => undefined),
    }
    const speak = <A>(address: string, body: (signal: AbortSignal) => Promise<A>, what: string) =>
      Effect.tryPromise({
        try: body,
        catch: (cause): HubError => {
          if (cause instanceof HubInterrupted || cause instanceof HubChecksumWrong) return cause
          if (!(cause instanceof Refused)) return new HubInterrupted({ address, problem: causeText(cause) })
          if (cause.status === 401 || cause.status === 403)
            return new HubAccessDenied({
              repository,
              revision,
              page: `${endpoint}/${repository}`,
              status: cause.status,
              hadToken: connection.token !== undefined,
            })
          if (cause.status === 404 || cause.status === 410)
            return new HubNotFound({
              repository,
              revision,
              what:
                cause.code === "RepoNotFound"
                  ? "the repository"
                  : cause.code === "RevisionNotFound"
                    ? "the revision"
                    : what,
            })
          return new HubInterrupted({ address, problem: cause.message })
        },
      })

    const listingAddress = `${endpoint}/api/models/${repository}/revision/${encodeURIComponent(revision)}?blobs=true`
    const answer = yield* speak(listingAddress, (signal) => hubJson(connection, listingAddress, signal), "the revision")
    const listing = yield* Schema.decodeUnknown(Listing)(answer).pipe(
      Effect.mapError(
        (cause) =>
          new HubInterrupted({
            address: listingAddress,
            problem: `the hub's listing is not understood: ${cause.message}`,
          }),
      ),
    )
    const names = listing.siblings.map((sibling) => sibling.rfilename)
    const wanted = checkpointFiles(names)
    if (wanted === undefined) {
      const pickles = names.filter((name) => /\.(?:bin|pt|pth|ckpt|h5|msgpack)$/u.test(name))
      return yield* new HubUnusable({
        repository,
        problem:
          pickles.length > 0
            ? `it has weights as pickle or for other frameworks only (${pickles.join(", ")}), which are never read`
            : "it has no weights: neither safetensors nor an ONNX graph",
        remedy: `Convert it once in Python, then give the folder: python -c "from transformers import AutoModel, AutoTokenizer; AutoModel.from_pretrained('${repository}').save_pretrained('out'); AutoTokenizer.from_pretrained('${repository}').save_pretrained('out')"`,
      })
    }
    const commit = listing.sha
    const folder = snapshotOf(commit)
    const sizes = new Map(listing.siblings.map((sibling) => [sibling.rfilename, sibling.size]))
    for (const file of wanted) {
      const path = join(folder, file)
      const there = yield* Effect.promise(() =>
        stat(path).then(
          (info) => info.size,
          () => undefined,
        ),
      )
      if (there !== undefined && there === (sizes.get(file) ?? there)) continue
      yield* Effect.promise(() => rm(path, { force: true }))
      const address = `${endpoint}/${repository}/resolve/${commit}/${file.split("/").map(encodeURIComponent).join("/")}`
      yield* speak(address, (signal) => hubDownload(connection, address, file, path, join(home, "blobs"), signal), file)
    }
    if (!isCommit.test(revision))
      yield* Effect.tryPromise({
        try: async () => {
          makeFolders(dirname(ref))
          await writeFile(`${ref}.partial`, commit)
          await rename(`${ref}.partial`, ref)
        },
        catch: (cause) =>
          new HubInterrupted({ address: ref, problem: `writing to the cache failed (${String(cause)})` }),
      })
    return { repository, commit, folder, files: yield* Effect.promise(() => listFiles(folder)) }
  })
