import { join, resolve } from "node:path"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { AnyStage, NativeLibrary, SourceNode } from "../plan/index.ts"
import type { DuckDb, DuckDbError } from "../tables/index.ts"
import { DuckDb as DuckDbTag } from "../tables/index.ts"
import type { StageCodeError, UntraceableImportError } from "./FingerprintCode.ts"
import { FingerprintHints } from "./FingerprintHints.ts"
import { duckDbBinaries, onnxRuntimeBinaries, onnxRuntimeVersion } from "./FingerprintNative.ts"
import { installedPackages } from "./FingerprintPackages.ts"
import { type Stamp, stampOf } from "./FingerprintStamp.ts"
import { CodeFingerprint } from "./KeyDocument.ts"
import { hashSource, type SourceError, type SourceHash } from "./SourceHash.ts"

export { SourceError, type SourceHash } from "./SourceHash.ts"

/** A package that a stage's code imports, or a native library that it declares, is not installed. */
export class NotInstalledError extends Schema.TaggedError<NotInstalledError>()("NotInstalledError", {
  stage: Schema.String,
  package: Schema.String,
}) {
  override get message(): string {
    return `Stage «${this.stage}» needs the package «${this.package}», which is not installed; run npm ci`
  }
}

/** Code was edited between the start of this process, which runs it as it was, and its hashing. */
export class EditedSinceStartError extends Schema.TaggedError<EditedSinceStartError>()("EditedSinceStartError", {
  stage: Schema.String,
  /** Path from the project's root. */
  file: Schema.String,
}) {
  override get message(): string {
    return `${this.file}, which stage «${this.stage}» runs, is not what the running code was made of: start it again, or where rankdag is an installed package, install that again`
  }
}

export type FingerprintError =
  | UntraceableImportError
  | StageCodeError
  | NotInstalledError
  | EditedSinceStartError
  | DuckDbError

/** What a stage's code is, apart from its configuration and inputs: three parts of a key document. */
export interface StageFingerprint {
  readonly code: CodeFingerprint
  readonly packages: Readonly<Record<string, string>>
  readonly native: Readonly<Record<string, string>>
}

/** Says what code and what source files are, so that keys can be made of them. */
export class Fingerprint extends Context.Tag("rankdag/Fingerprint")<
  Fingerprint,
  {
    /**
     * The fingerprint of a stage's code. A process has one for each stage, taken when it is first asked for: ask for all of a
     * plan's stages at the start, so that an edit during a long run cannot be taken for the code that runs.
     */
    readonly stage: (stage: AnyStage) => Effect.Effect<StageFingerprint, FingerprintError, DuckDb>
    /**
     * Whether the stage's files are as they were when fingerprinted. Always true of those that the launcher copied, since the
     * copy is what runs; of the others (data files, or all sources where they are loaded as they are) ask after a stage has run,
     * before keeping its result.
     */
    readonly stageUnchanged: (stage: AnyStage) => Effect.Effect<boolean>
    readonly source: (node: SourceNode) => Effect.Effect<SourceHash, SourceError>
  }
>() {}

export interface FingerprintOptions {
  /** Absolute path of the folder that holds `package.json`; stages name their code from here. */
  readonly projectRoot: string
  /** Absolute path of the file that remembers hashes from one process to the next. Default: nothing is remembered. */
  readonly hintsFile?: string
  /** Whether the hints file is left as it is: for runs that must not write. Default no. */
  readonly readOnly?: boolean
  /** Stamps of the sources, by absolute path, that the launcher made the running code of; none where it runs from the source. */
  readonly builtFrom?: ReadonlyMap<string, Stamp> | undefined
}

/** Packages that bring a native library: a stage that reaches one need not declare the library. */
const nativePackages = [
  ["@duckdb/node-api", "duckdb"],
  ["onnxruntime-node", "onnxruntime"],
] as const

const isCodeHint = Schema.is(Schema.Struct({ code: CodeFingerprint, packages: Schema.Array(Schema.String) }))
const isVersionsHint = Schema.is(Schema.Record({ key: Schema.String, value: Schema.String }))

interface Code {
  readonly code: CodeFingerprint
  readonly packages: ReadonlyArray<string>
  readonly files: ReadonlyMap<string, Stamp>
}

const stamps = (files: ReadonlyArray<string>): ReadonlyMap<string, Stamp> =>
  new Map(files.map((file) => [file, stampOf(file)]))

/** The live service. Hints are written as soon as something was learnt. */
export const layerFingerprint = (options: FingerprintOptions): Layer.Layer<Fingerprint> =>
  Layer.effect(
    Fingerprint,
    Effect.gen(function* () {
      const root = resolve(options.projectRoot)
      const hints = new FingerprintHints(options.hintsFile, options.readOnly ?? false)
      /** A store may be shared by several checkouts, each with a code of its own. */
      const named = (what: string): string => `${what} in ${root}`
      const one = yield* Effect.makeSemaphore(1)
      const codes = new Map<string, Code>()
      const packages = new Map<string, Readonly<Record<string, string>>>()
      const natives = new Map<NativeLibrary, string>()

      const codeOf = (stage: AnyStage): Effect.Effect<Code, FingerprintError> =>
        Effect.gen(function* () {
          const known = codes.get(stage.code)
          if (known !== undefined) return known
          const hint = hints.get(named(`code:${stage.code}`))
          let code: Code
          if (hint !== undefined && isCodeHint(hint.value)) {
            code = { ...hint.value, files: new Map(Object.entries(hint.files)) }
          } else {
            const { followCode, StageCodeError, UntraceableImportError } = yield* Effect.promise(
              () => import("./FingerprintCode.ts"),
            )
            // The clock is read before the files: a file written after it is too young to be relied on.
            const at = yield* Clock.currentTimeMillis
            const graph = yield* Effect.catchAll(
              Effect.tryPromise({ try: () => followCode(root, stage.code), catch: (error) => error }),
              (error) =>
                error instanceof StageCodeError || error instanceof UntraceableImportError
                  ? Effect.fail(error)
                  : Effect.die(error),
            )
            const value = { code: { digest: graph.digest, files: graph.files }, packages: graph.packages }
            code = { ...value, files: graph.read }
            hints.set(named(`code:${stage.code}`), code.files, at, value)
          }
          if (options.builtFrom !== undefined) {
            for (const [file, stamp] of code.files) {
              const built = options.builtFrom.get(file)
              if (built !== undefined && built !== stamp) {
                return yield* new EditedSinceStartError({ stage: stage.name, file: file.slice(root.length + 1) })
              }
            }
          }
          codes.set(stage.code, code)
          return code
        })

      const versionsOf = (
        stage: AnyStage,
        name: string,
      ): Effect.Effect<Readonly<Record<string, string>>, NotInstalledError> =>
        Effect.gen(function* () {
          const known = packages.get(name)
          if (known !== undefined) return known
          const hint = hints.get(named(`package:${name}`))
          if (hint !== undefined && isVersionsHint(hint.value)) {
            packages.set(name, hint.value)
            return hint.value
          }
          const at = yield* Clock.currentTimeMillis
          const installed = installedPackages(name, root)
          if (installed === undefined) return yield* new NotInstalledError({ stage: stage.name, package: name })
          packages.set(name, installed.versions)
          hints.set(named(`package:${name}`), stamps(installed.looked), at, installed.versions)
          return installed.versions
        })

      const nativeOf = (stage: AnyStage, library: NativeLibrary): Effect.Effect<string, FingerprintError, DuckDb> =>
        Effect.gen(function* () {
          const known = natives.get(library)
          if (known !== undefined) return known
          const hint = hints.get(named(`native:${library}`))
          if (hint !== undefined && typeof hint.value === "string") {
            natives.set(library, hint.value)
            return hint.value
          }
          const at = yield* Clock.currentTimeMillis
          const binaries = stamps(library === "duckdb" ? duckDbBinaries(root) : onnxRuntimeBinaries(root))
          const version =
            library === "duckdb"
              ? yield* Effect.flatMap(DuckDbTag, (duckDb) => duckDb.version)
              : onnxRuntimeVersion(root)
          if (version === undefined)
            return yield* new NotInstalledError({ stage: stage.name, package: "onnxruntime-node" })
          natives.set(library, version)
          if (binaries.size > 0) hints.set(named(`native:${library}`), binaries, at, version)
          return version
        })

      const fingerprint = (stage: AnyStage): Effect.Effect<StageFingerprint, FingerprintError, DuckDb> =>
        Effect.gen(function* () {
          const code = yield* codeOf(stage)
          const merged = new Map<string, Set<string>>()
          for (const name of code.packages) {
            for (const [each, versions] of Object.entries(yield* versionsOf(stage, name))) {
              const all = merged.get(each) ?? new Set()
              for (const version of versions.split(", ")) all.add(version)
              merged.set(each, all)
            }
          }
          const native: Record<string, string> = {}
          const reached = nativePackages.filter(([name]) => merged.has(name)).map(([, library]) => library)
          for (const library of new Set([...stage.native, ...reached].sort()))
            native[library] = yield* nativeOf(stage, library)
          hints.save()
          return {
            code: code.code,
            packages: Object.fromEntries(
              [...merged.keys()].sort().map((each) => [each, [...(merged.get(each) ?? [])].sort().join(", ")]),
            ),
            native,
          }
        })

      return {
        stage: (stage) => one.withPermits(1)(fingerprint(stage)),
        stageUnchanged: (stage) =>
          Effect.sync(() => {
            const code = codes.get(stage.code)
            if (code === undefined) return options.builtFrom !== undefined
            // Of what the launcher copied, the copy ran; packages were loaded before.
            const isLoaded = (file: string): boolean =>
              options.builtFrom !== undefined &&
              (options.builtFrom.has(file) || file.startsWith(join(root, "node_modules")))
            return [...code.files].every(([file, stamp]) => isLoaded(file) || stampOf(file) === stamp)
          }),
        source: (node) =>
          Effect.tap(hashSource({ ...node, root: resolve(node.root) }, hints), () => Effect.sync(() => hints.save())),
      }
    }),
  )

/** Where a store keeps its hints: beside what they save the reading of. */
export const hintsFileOf = (artifacts: string): string => join(artifacts, "hints.json")
