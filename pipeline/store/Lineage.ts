import { lstatSync, readlinkSync } from "node:fs"
import { basename, join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { nearestName } from "../../schemas/index.ts"
import { canonicalJson } from "../keys/index.ts"
import { ArtifactStore } from "./ArtifactStore.ts"
import { folderEntries } from "./folderEntries.ts"
import { newestRun } from "./Gc.ts"
import type { InputOrigin, Manifest, OutputRecord } from "./Manifest.ts"
import type { RemoteError } from "./Remote.ts"
import type { RunRecord } from "./RunRecord.ts"
import { type Sighting, sightings } from "./Sighting.ts"
import { manifestAnywhere } from "./StoredOutput.ts"
import type { StoreError } from "./StoreError.ts"

/** Nothing in the store has this name or hash. */
export class UnknownArtifact extends Schema.TaggedError<UnknownArtifact>()("UnknownArtifact", {
  asked: Schema.String,
  suggestion: Schema.UndefinedOr(Schema.String),
}) {
  override get message(): string {
    const guess = this.suggestion === undefined ? "" : ` Did you mean «${this.suggestion}»?`
    return `The store has no node «${this.asked}» and no artifact whose hash begins so.${guess}`
  }
}

/** One result, with what it was made of. */
export interface LineageResult {
  readonly key: string
  readonly stage: string
  readonly node: string
  /** Whether the result is still in the store. */
  readonly present: boolean
  /** The remote that is known to have it; absent where none is. */
  readonly remote?: string
  readonly manifest: Manifest
  /** Where each input came from, and the key of the result that made it, where that is known. */
  readonly inputs: Readonly<Record<string, ReadonlyArray<InputOrigin & { readonly madeBy: string | undefined }>>>
}

/** How an artifact came about, from the user's own files on. */
export interface Lineage {
  /** What was asked for. */
  readonly roots: ReadonlyArray<{ readonly output: string; readonly hash: string; readonly key: string }>
  /** Each result once; a result comes before those that it was made of. */
  readonly results: ReadonlyArray<LineageResult>
}

interface Known {
  readonly manifest: Manifest
  readonly present: boolean
  readonly shared: boolean
}

interface Made extends Known {
  readonly output: string
  readonly record: OutputRecord
}

const isHash = (asked: string): boolean => /^[0-9a-f]{6,64}$/.test(asked)

/** The links below `latest`: node → output (or the empty string) → hash. */
const latestLinks = (directory: string): ReadonlyMap<string, ReadonlyMap<string, string>> => {
  const nodes = new Map<string, ReadonlyMap<string, string>>()
  const latest = join(directory, "latest")
  for (const node of folderEntries(latest)) {
    const path = join(latest, node)
    const stat = lstatSync(path)
    if (stat.isSymbolicLink()) nodes.set(node, new Map([["", basename(readlinkSync(path))]]))
    else if (stat.isDirectory()) {
      const links = folderEntries(path).filter((output) => lstatSync(join(path, output)).isSymbolicLink())
      nodes.set(node, new Map(links.map((output) => [output, basename(readlinkSync(join(path, output)))])))
    }
  }
  return nodes
}

/** What nodes last made: by the links of `latest`, and where that lies in the remote alone, by the newest run that had any. */
const latestOutputs = Effect.gen(function* () {
  const { directory, remote } = yield* ArtifactStore
  const links = latestLinks(directory)
  if (remote === undefined) return links
  const newest = yield* newestRun(({ nodes }) => nodes.some(({ outputs }) => Object.keys(outputs).length > 0))
  const recorded = (newest?.nodes ?? []).flatMap(({ name, outputs, stage }) => {
    const hashes = Object.entries(outputs).map(([output, { hash }]): readonly [string, string] => [output, hash])
    return stage === undefined || hashes.length === 0 ? [] : [[name, new Map(hashes)] as const]
  })
  return new Map<string, ReadonlyMap<string, string>>([...links, ...recorded])
})

/**
 * The nodes of which something is in the store that a name given by the user means: a node's own, the nodes of a target of the
 * newest run that made any of them, or those whose names it begins.
 *
 * @returns the name alone where it means none: then it may be a hash
 */
export const lineageNodes = (asked: string): Effect.Effect<ReadonlyArray<string>, StoreError, ArtifactStore> =>
  Effect.gen(function* () {
    const stored = yield* latestOutputs
    if (stored.has(asked.split("/")[0] ?? "") || isHash(asked)) return [asked]
    const nodesOf = ({ targets, within }: RunRecord) =>
      (within?.[asked] ?? targets[asked])?.filter((name) => stored.has(name))
    const beginning = [...stored.keys()].filter((name) => name.startsWith(`${asked}.`) || name.startsWith(`${asked}@`))
    const newest = yield* newestRun((record) => (nodesOf(record)?.length ?? 0) > 0)
    const nodes = (newest === undefined ? undefined : nodesOf(newest)) ?? beginning.sort()
    return nodes.length === 0 ? [asked] : nodes
  })

/**
 * Says how an artifact came about.
 *
 * @param asked a node (its latest result), `node/output`, or at least six digits of a content hash or of an action key.
 */
export const lineage = (
  asked: string,
): Effect.Effect<Lineage, UnknownArtifact | RemoteError | StoreError, ArtifactStore> =>
  Effect.gen(function* () {
    const store = yield* ArtifactStore
    const seen = yield* sightings(["manifests", "remote", "history"])
    const read = ({
      key: number,
      present,
      stage,
    }: Sighting): Effect.Effect<Known | undefined, RemoteError | StoreError> => {
      const key = seen.names.name(number)
      return present
        ? Effect.map(manifestAnywhere(store, stage, key), (manifest) =>
            manifest === undefined
              ? undefined
              : { manifest, present, shared: store.remote?.isKnown(stage, key) === true },
          )
        : Effect.map(store.formerResult(stage, key), (former) =>
            former === undefined ? undefined : { manifest: former.manifest, present, shared: false },
          )
    }
    /** What made a hash: by preference the node that is named, else the newest. */
    const producer = (
      hash: string,
      node: string | undefined,
    ): Effect.Effect<Made | undefined, RemoteError | StoreError> =>
      Effect.gen(function* () {
        const number = seen.names.find(hash)
        const makers = number === undefined ? [] : [...seen.makersOf(number)]
        const named = makers.filter((maker) => maker.node === node)
        for (const maker of named.length === 0 ? makers : [...named, ...makers]) {
          const known = yield* read(maker)
          const [output, record] =
            Object.entries(known?.manifest.outputs ?? {}).find(([, each]) => each.hash === hash) ?? []
          if (known !== undefined && output !== undefined && record !== undefined) return { ...known, output, record }
        }
        return undefined
      })

    const links = yield* latestOutputs
    const [node = "", wanted] = asked.split("/")
    const roots: Array<Made> = []
    for (const [output, hash] of links.get(node) ?? []) {
      const made = wanted === undefined || output === wanted ? yield* producer(hash, node) : undefined
      if (made !== undefined) roots.push(made)
    }
    if (roots.length === 0 && isHash(asked)) {
      for (const each of seen) {
        const key = seen.names.name(each.key)
        if (!key.startsWith(asked) && ![...each.hashes].some((hash) => seen.names.name(hash).startsWith(asked)))
          continue
        const known = yield* read(each)
        for (const [output, record] of Object.entries(known?.manifest.outputs ?? {})) {
          if (known !== undefined && (record.hash.startsWith(asked) || key.startsWith(asked))) {
            roots.push({ ...known, output, record })
          }
        }
        if (roots.length > 0) break
      }
    }
    if (roots.length === 0) {
      return yield* new UnknownArtifact({ asked, suggestion: nearestName(node, links.keys()) })
    }

    const results = new Map<string, LineageResult>()
    const follow = ({ manifest, present, shared }: Known): Effect.Effect<void, RemoteError | StoreError> =>
      Effect.gen(function* () {
        if (results.has(manifest.actionKey)) return
        const { actionKey: key, stage, provenance } = manifest
        const inputs: Record<string, ReadonlyArray<InputOrigin & { readonly madeBy: string | undefined }>> = {}
        const remote = shared && store.remote !== undefined ? { remote: store.remote.address } : {}
        results.set(key, { key, stage, node: provenance.node, present, ...remote, manifest, inputs })
        const makers: Array<Known> = []
        for (const [name, origins] of Object.entries(provenance.inputs)) {
          inputs[name] = yield* Effect.forEach(origins, (origin) =>
            Effect.gen(function* () {
              const made = origin.source === undefined ? yield* producer(origin.hash, origin.node) : undefined
              if (made !== undefined) makers.push(made)
              return { ...origin, madeBy: made?.manifest.actionKey }
            }),
          )
        }
        for (const maker of makers) yield* follow(maker)
      })
    for (const root of roots) yield* follow(root)
    return {
      roots: roots.map(({ output, record, manifest }) => ({ output, hash: record.hash, key: manifest.actionKey })),
      results: [...results.values()],
    }
  })

const short = (hash: string): string => hash.slice(0, 12)

/** A lineage for people: a tree, each result described where it first appears. */
export const renderLineage = ({ roots, results }: Lineage): string => {
  const byKey = new Map(results.map((result) => [result.key, result]))
  const lines: Array<string> = []
  const told = new Set<string>()
  const tell = (key: string, what: string, indent: string): void => {
    const result = byKey.get(key)
    if (result === undefined) return
    const again = told.has(key)
    lines.push(`${indent}${what} ← ${result.node}${again ? " (above)" : ""}`)
    if (again) return
    told.add(key)
    const { manifest } = result
    const { provenance, key: document } = manifest
    const inner = `${indent}    `
    const rows = Object.entries(manifest.outputs).flatMap(([name, { rows: count }]) =>
      count === undefined ? [] : [`${name} ${count} rows`],
    )
    lines.push(
      `${inner}stage ${result.stage}, key ${short(key)}${result.present ? "" : " (no longer in the store)"}${result.remote === undefined ? "" : `, in ${result.remote}`}`,
    )
    lines.push(
      `${inner}made ${provenance.at} in ${provenance.seconds} s by run ${provenance.run} on ${provenance.host} ` +
        `(${provenance.platform}, Node.js ${provenance.nodejs})${rows.length === 0 ? "" : `: ${rows.join(", ")}`}`,
    )
    if (provenance.executor !== undefined) {
      const { attempt, name, queuedSeconds } = provenance.executor
      lines.push(`${inner}asked of ${name}, attempt ${attempt}, after ${queuedSeconds} s of waiting`)
    }
    lines.push(`${inner}config ${canonicalJson(document.config)}`)
    lines.push(`${inner}code ${short(document.code.digest)} (${Object.keys(document.code.files).length} files)`)
    const versions = [...Object.entries(document.packages), ...Object.entries(document.native)]
    if (versions.length > 0) {
      lines.push(`${inner}packages ${versions.map(([name, version]) => `${name} ${version}`).join(", ")}`)
    }
    for (const [name, value] of Object.entries(manifest.facts)) lines.push(`${inner}${name} ${JSON.stringify(value)}`)
    for (const warning of manifest.warnings) lines.push(`${inner}warning: ${warning}`)
    for (const [name, origins] of Object.entries(result.inputs)) {
      for (const origin of origins) {
        if (origin.source !== undefined) {
          const { root, files } = origin.source
          lines.push(`${inner}${name} ${short(origin.hash)} ← files of ${root}: ${files.join(", ")}`)
        } else if (origin.madeBy === undefined) {
          lines.push(`${inner}${name} ${short(origin.hash)} ← ${origin.node} (not on record)`)
        } else tell(origin.madeBy, `${name} ${short(origin.hash)}`, inner)
      }
    }
  }
  for (const { output, hash, key } of roots) tell(key, `${output} ${hash}`, "")
  return `${lines.join("\n")}\n`
}
