import { existsSync, statSync } from "node:fs"
import { basename, dirname, join, resolve, sep } from "node:path"
import * as Effect from "effect/Effect"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { FusionUnsuitable } from "../candidates.ts"
import { type Collection, SystemNamedTwice } from "../experiment.ts"
import { type NamedRun, UnknownRun } from "../fusions.ts"
import { checkPassageRuns, PassagesUnsuitable } from "../passages.ts"
import { type Artifact, sourceFiles } from "../pipeline/index.ts"
import { didYouMean, type Kinds, SystemName, tellingNames } from "../schemas/index.ts"
import type { Experiment } from "../settings.ts"
import {
  collectionOf,
  type IngestError,
  importRun,
  isIngestError,
  publicBytes,
  queriesArePassages,
} from "../stages/ingest/index.ts"
import { ModelUnsuitable, UnknownModel } from "../stages/model/index.ts"
import { PrecisionUnavailable } from "../stages/rerank/index.ts"
import { FieldsUnsuitable } from "../stages/retrieve/index.ts"
import { SweepRefused } from "../sweep.ts"
import { UsageError } from "./Arguments.ts"
import { type ConfigurationError, refusedSetting } from "./Settings.ts"

/** Above this many bytes systems that hold the collection as objects, or look at all of it, are asked only where the user names them. */
const smallBytes = 100_000_000
const bytesPerSyntheticPassage = 200

/** The parts of a source's path in the letters that a node's name may have. */
const partsOf = (source: string): ReadonlyArray<string> =>
  (existsSync(source) ? resolve(source).split(sep) : source.split("/")).flatMap((part) => {
    const name = part.replaceAll(/[^\p{L}\p{M}\p{N}._+-]+/gu, "-").replace(/^[^\p{L}\p{N}]+/u, "")
    return name === "" ? [] : [name]
  })

/** The names of collections: short, and of two folders of one name with what tells which; the same source twice is counted. */
const namesOf = (sources: ReadonlyArray<string>): ReadonlyArray<string> => {
  const names: Array<string> = []
  for (const name of tellingNames(sources.map(partsOf))) {
    let unused = name === "" ? "collection" : name
    for (let count = 2; names.includes(unused); count++) unused = `${name}-${count}`
    names.push(unused)
  }
  return names
}

/** Bytes of the files that a wired collection reads, as far as they are there. */
const sourceBytes = (passages: Artifact<Kinds.Passages>): number => {
  if (passages.node._tag === "SourceNode") return 0
  const sources = passages.node.inputs.flatMap(({ artifacts }) => artifacts.map(({ node }) => node))
  return sources.reduce((sum, source) => {
    if (source._tag !== "SourceNode") return sum
    const sizes = source.files.map(
      (file) => (/\.(?:gz|zst|parquet)$/.test(file) ? 3 : 1) * statSync(join(source.root, file)).size,
    )
    return sum + sizes.reduce((a, b) => a + b, 0)
  }, 0)
}

const bytesOf = (source: string, settings: Experiment, passages: Artifact<Kinds.Passages>): number =>
  source === "synthetic"
    ? settings.ingest.passages * bytesPerSyntheticPassage
    : (publicBytes(source) ?? sourceBytes(passages))

/** Another tool's run, as `--run` names it: `name=path`, or `name@collection=path` where there are several collections. */
interface ImportedRun {
  readonly option: string
  readonly system: SystemName
  readonly dataset: string | undefined
  readonly path: string
}

const parseRun = (option: string): Effect.Effect<ImportedRun, UsageError> =>
  Effect.gen(function* () {
    const [, system, dataset, path] = /^([^=@]+)(?:@([^=]+))?=(.+)$/.exec(option) ?? []
    if (system === undefined || path === undefined) {
      return yield* new UsageError({
        argument: option,
        problem: `--run ${option}: expected name=path, or name@collection=path where there are several collections.`,
      })
    }
    const named = yield* Effect.mapError(
      Schema.decode(SystemName)(system),
      () =>
        new UsageError({
          argument: option,
          problem: `--run ${option}: «${system}» cannot name a system: letters and digits of any script and . _ + - are allowed, a letter or digit first, at most 80.`,
        }),
    )
    if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) {
      return yield* new UsageError({ argument: option, problem: `--run ${option}: there is no file ${path}.` })
    }
    return { option, system: named, dataset, path: resolve(path) }
  })

const wireRun = (
  run: ImportedRun,
  { passages, queries }: Pick<Collection, "passages" | "queries">,
  leaveOutOwn: boolean,
  separator: string | undefined,
  label: string,
): NamedRun => {
  const file = basename(run.path)
  const name = `${run.system}${label}`
  const source = sourceFiles({ name: `file.${name}`, root: dirname(run.path), files: [file] })
  return {
    system: run.system,
    run: importRun(
      { system: run.system, file, leaveOutOwn, ...(separator === undefined ? {} : { separator }) },
      { file: source, queries, passages },
      name,
    ).run,
    overPassages: separator !== undefined,
  }
}

/** What can be wrong with a wiring: what it names is not there, or a stage's own schema refuses a setting. */
export type WiringError =
  | IngestError
  | UnknownModel
  | ModelUnsuitable
  | FusionUnsuitable
  | UnknownRun
  | SystemNamedTwice
  | PassagesUnsuitable
  | SweepRefused
  | FieldsUnsuitable
  | PrecisionUnavailable
  | ConfigurationError

const ownErrors = [
  UnknownModel,
  ModelUnsuitable,
  FusionUnsuitable,
  UnknownRun,
  SystemNamedTwice,
  PassagesUnsuitable,
  SweepRefused,
  FieldsUnsuitable,
  PrecisionUnavailable,
] as const

/** Errors thrown while wiring, told by their type. */
export const wiring = <A>(settings: Experiment, wire: () => A): Effect.Effect<A, WiringError> =>
  Effect.try({
    try: wire,
    catch: (error) => {
      if (isIngestError(error)) return error
      for (const own of ownErrors) if (error instanceof own) return error
      if (!ParseResult.isParseError(error)) throw error
      return refusedSetting(error, settings)
    },
  })

/**
 * Finds the collections that the settings name and wires their reading; of folders, only the listing is read.
 *
 * @param runs the values of `--run`
 */
export const wireCollections = (
  settings: Experiment,
  runs: ReadonlyArray<string>,
): Effect.Effect<ReadonlyArray<Collection>, WiringError | UsageError> =>
  Effect.gen(function* () {
    const imported = yield* Effect.forEach(runs, parseRun)
    yield* wiring(settings, () =>
      checkPassageRuns(
        settings.passages,
        imported.map(({ system }) => system),
      ),
    )
    const names = namesOf(settings.datasets.map(({ source }) => source))
    for (const { dataset, option } of imported) {
      if (dataset === undefined && names.length > 1) {
        const problem = `--run ${option}: say whose queries it answers, as in name@${names[0]!}=path.`
        return yield* new UsageError({ argument: option, problem })
      }
      if (dataset !== undefined && !names.includes(dataset)) {
        const problem = `--run ${option}: there is no collection «${dataset}» among ${names.join(", ")}.${didYouMean(dataset, names)}`
        return yield* new UsageError({ argument: option, problem })
      }
    }
    return yield* Effect.forEach(settings.datasets, (dataset, position) =>
      wiring(settings, () => {
        const name = names[position]!
        const label = names.length > 1 ? `@${name}` : ""
        const leaveOutOwn = settings.retrieve.leaveOutOwn ?? queriesArePassages(dataset.source)
        const { analyzer, index } = dataset
        const tables = collectionOf(dataset, settings.ingest, leaveOutOwn, label)
        return {
          ...tables,
          name,
          synthetic: dataset.source === "synthetic",
          leaveOutOwn,
          index: { ...(analyzer === undefined ? {} : { analyzer }), ...(index === undefined ? {} : { index }) },
          small: bytesOf(dataset.source, settings, tables.passages) <= smallBytes,
          imported: imported
            .filter((run) => run.dataset === undefined || run.dataset === name)
            .map((run) => {
              const over = settings.passages?.runs.includes(run.system) === true ? settings.passages : undefined
              return wireRun(run, tables, leaveOutOwn, over?.separator, label)
            }),
        }
      }),
    )
  })
