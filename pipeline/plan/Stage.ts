import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { ArtifactKind } from "../../schemas/index.ts"
import { Kinds } from "../../schemas/index.ts"
import type { DuckDb } from "../tables/index.ts"
import type { Json } from "./Json.ts"

/** An input that takes any number of artifacts of one kind, in the order they are wired. */
export interface Many<out K extends ArtifactKind = ArtifactKind> {
  readonly many: K
}

/** Declares an input that takes any number of artifacts of one kind. */
export const many = <const K extends ArtifactKind>(kind: K): Many<K> => ({ many: kind })

export type InputKinds = Readonly<Record<string, ArtifactKind | Many>>
export type OutputKinds = Readonly<Record<string, ArtifactKind>>

/**
 * A reference, made while wiring, to an output that a node will have. It carries no bytes: the runner turns it into a
 * `StoredArtifact` once the node has run or was found in the store.
 */
export interface Artifact<out K extends ArtifactKind = ArtifactKind> {
  readonly kind: K
  readonly node: PlanNode
  /** The name of the output among the node's outputs. */
  readonly output: string
}

/** An artifact that exists: an immutable folder in the store (or, for `Kinds.SourceFiles`, the user's own folder). */
export interface StoredArtifact<out K extends ArtifactKind = ArtifactKind> {
  readonly kind: K
  /** Content hash: SHA-256, a Merkle hash over the folder's relative file names and bytes. */
  readonly hash: string
  /** Absolute path of the folder. Read-only. */
  readonly path: string
  /** Name of the node that made it, for messages; never part of a result. */
  readonly from: string
}

type WiredInput<K> = K extends Many<infer A> ? ReadonlyArray<Artifact<A>> : K extends ArtifactKind ? Artifact<K> : never

type StoredInput<K> =
  K extends Many<infer A> ? ReadonlyArray<StoredArtifact<A>> : K extends ArtifactKind ? StoredArtifact<K> : never

/** What a stage is wired with: a reference for each input, an array of them for a `many`. */
export type WiredInputs<I extends InputKinds> = { readonly [N in keyof I]: WiredInput<I[N]> }

/** What a running stage reads. */
export type StoredInputs<I extends InputKinds> = { readonly [N in keyof I]: StoredInput<I[N]> }

export type Outputs<O extends OutputKinds> = { readonly [N in keyof O]: Artifact<O[N]> }

/** How far a stage has come. Cheap to report: the runner draws at its own pace. */
export interface Progress {
  readonly done: number
  /** How much of it a killed run had done already: it says nothing about this one's pace. Default 0. */
  readonly resumedAt?: number
  /** Absent while unknown. */
  readonly total?: number
  /** What is counted, in the plural: `passages`, `queries`, `pairs`, `steps`, `bytes`. */
  readonly unit: string
  /** Anything worth a glance beside the bar: `loss 0.412`, `padding 7 %`. */
  readonly detail?: string
}

/** How a result came about, as a stage that declares `provenance` is told of every stage above it. */
export interface NodeProvenance {
  /** The node's name in the plan, and its stage's. */
  readonly node: string
  readonly stage: string
  /** The action key; what follows, up to the inputs, is in it. */
  readonly key: string
  readonly config: Json
  /** Digest of the code. */
  readonly code: string
  readonly packages: { readonly [name: string]: string }
  readonly native: { readonly [name: string]: string }
  readonly inputs: {
    readonly [name: string]: ReadonlyArray<{ readonly node: string; readonly output: string; readonly hash: string }>
  }
  readonly outputs: {
    readonly [name: string]: { readonly hash: string; readonly bytes: number; readonly rows: number | null }
  }
  readonly facts: { readonly [name: string]: Json }
  readonly warnings: ReadonlyArray<string>
  /** The run that made it, when it began (ISO 8601), and how long it took. */
  readonly run: string
  readonly at: string
  readonly seconds: number
  readonly platform: string
  readonly nodejs: string
  readonly host: string
  /** Which executor asked for it, how often its process was started and how long it had waited; none where the run itself made it. */
  readonly executor: { readonly name: string; readonly attempt: number; readonly queuedSeconds: number } | null
  /** By whom the parts were made that it was joined of; `seconds` are theirs too. Of others, none. */
  readonly parts: ReadonlyArray<PartsMade>
}

/** What one machine made of a divided result, by one executor. */
export interface PartsMade {
  readonly host: string
  /** None where it was the run's own process. */
  readonly executor: string | null
  readonly parts: number
  readonly seconds: number
  /** How many had to be begun more than once. */
  readonly again: number
  /** The longest that one of them waited. */
  readonly queuedSeconds: number
}

/** The processor's cores, of which a node that occupies `cores` has one. */
export interface Cores {
  /** Waits until another is free, and has it until the scope is closed. */
  readonly another: Effect.Effect<void, never, Scope.Scope>
  /** Gives its own back, and waits until it has the whole machine. */
  readonly all: Effect.Effect<void>
}

/** What a stage is given when it runs. */
export interface StageContext<out C, I extends InputKinds, O extends OutputKinds> {
  readonly config: C
  readonly inputs: StoredInputs<I>
  /** For every output a fresh, empty folder (absolute path) to write into. It becomes the artifact when the stage succeeds. */
  readonly outputs: { readonly [N in keyof O]: string }
  /**
   * A folder of the action key's own. For a `resumable` stage it survives a kill and is found again by the next run of the
   * same key (checkpoints, partial downloads); for any other it is empty at the start. It is removed on success.
   */
  readonly scratch: string
  readonly progress: (progress: Progress) => void
  /** Tells the user something that a cached result must not hide; it is kept in the manifest and told again on a hit. */
  readonly warn: (message: string) => void
  /** Of every stage above this one, in the plan's order; there where the stage declares `provenance`. */
  readonly provenance?: ReadonlyArray<NodeProvenance>
  /** How it comes to more than its own core; there where the stage occupies `cores`. */
  readonly cores?: Cores
  /** Which part of the work is asked for; there where the stage is divided. */
  readonly shard?: Shard
}

/** A part of a node's work. */
export interface Shard {
  /** From 1. */
  readonly part: number
  /** How many parts there are, at least 2. */
  readonly of: number
}

/** The places that belong to a part of `count` things in an order, `[from, to)`: parts of sizes that differ by one at most. */
export const shardRange = ({ part, of }: Shard, count: number): { readonly from: number; readonly to: number } => ({
  from: Math.floor(((part - 1) * count) / of),
  to: Math.floor((part * count) / of),
})

/** What the joining of a divided node's parts is given. */
export interface MergeContext<out C, I extends InputKinds, O extends OutputKinds> {
  readonly config: C
  readonly inputs: StoredInputs<I>
  /** Each output of every part, in the order of the parts. */
  readonly shards: { readonly [N in keyof O]: ReadonlyArray<StoredArtifact<O[N]>> }
  /** What the parts said of their results, in the same order. */
  readonly facts: ReadonlyArray<Facts>
  readonly outputs: { readonly [N in keyof O]: string }
  readonly progress: (progress: Progress) => void
  readonly warn: (message: string) => void
}

/** Joins the parts' outputs to those of the whole. It must be a deterministic function of the parts' bytes. */
export type MergeRun<C, I extends InputKinds, O extends OutputKinds> = (
  context: MergeContext<C, I, O>,
) => Effect.Effect<StageResult<O>, StageError, StageServices>

/** What a module that joins parts exports. */
export interface MergeModule<C, I extends InputKinds, O extends OutputKinds> {
  readonly merge: MergeRun<C, I, O>
}

/** How a stage's work is divided into nodes that can run apart, on other machines too. */
export interface StageSplit<C, I extends InputKinds, O extends OutputKinds> {
  /** How many parts a configuration asks for; 1 where the work is one node. It is in the key, and never follows the machines. */
  readonly shards: (config: C) => number
  /** The module that joins the parts, relative to the project's root: the code part of the joining node's key. */
  readonly code: string
  /** Imports that module. */
  readonly load: () => Promise<MergeModule<C, I, O>>
  /** Native libraries that the joining uses. Default none. */
  readonly native?: ReadonlyArray<NativeLibrary>
}

/** What a stage says of its result. Kept in the manifest, shown also on a hit; never part of a key or of an artifact. */
export interface StageResult<O extends OutputKinds> {
  /** Rows of each output that has rows. */
  readonly rows?: { readonly [N in keyof O]?: number }
  /** Anything countable that a reader of the result should know: `{ danglingQrels: 3, truncated: 312 }`. */
  readonly facts?: Facts
}

export interface Facts {
  readonly [name: string]: Json
}

/** Services that the runner provides to stages. DuckDB is loaded when first used. */
export type StageServices = DuckDb

/** A tagged error of a stage's own closed family; `message` says what, where, why and what to do. */
export interface StageError {
  readonly _tag: string
  readonly message: string
}

/** The work of a stage. It must be a deterministic function of its configuration and of its inputs' bytes. */
export type StageRun<C, I extends InputKinds, O extends OutputKinds> = (
  context: StageContext<C, I, O>,
) => Effect.Effect<StageResult<O>, StageError, StageServices>

/** What an implementation module exports. */
export interface StageModule<C, I extends InputKinds, O extends OutputKinds> {
  readonly run: StageRun<C, I, O>
}

/** The declaration of a stage. */
export interface StageSpec<C, E extends Json, I extends InputKinds, O extends OutputKinds> {
  /** Lower-case, unique in the program: `ingest`, `index`, `retrieve`. */
  readonly name: string
  /** What the stage reads of the configuration, and nothing else: every field of it is in the key. */
  readonly config: Schema.Schema<C, E>
  readonly inputs: I
  readonly outputs: O
  /** The implementation module, relative to the project's root; its import graph is the code part of the key. */
  readonly code: string
  /** Imports that module, and nothing before a node of this stage has to run: `() => import("./buildIndex.ts")`. */
  readonly load: () => Promise<StageModule<C, I, O>>
  /** Raise to invalidate results where the fingerprint cannot see the change. */
  readonly version?: number
  /** Native libraries whose loaded version is part of the key. Default none. */
  readonly native?: ReadonlyArray<NativeLibrary>
  /** Whether `scratch` survives a kill. Default no. */
  readonly resumable?: boolean
  /**
   * What a node keeps busy all the time by itself, as a running model does: one of the processor's cores; one, and more while they
   * are free; or the machine. Of such nodes only as many run at once as there are cores for, beside any others: two that each used
   * the whole machine would wait for each other's threads. Default: nothing.
   */
  readonly occupies?: Occupancy | ((config: C) => Occupancy)
  /** Default `deterministic`. `seeded` results repeat on one kind of machine only. */
  readonly determinism?: "deterministic" | "seeded"
  /**
   * Whether the stage reads how its inputs came about, times included. Then their records are an input of its own, with a hash
   * in the key: what it writes stays a function of the key, and it runs again where any of them changed. Default no.
   */
  readonly provenance?: boolean
  /** How the work is divided where the configuration asks for it. `context.shard` then says which part is meant. Default: not. */
  readonly split?: StageSplit<C, I, O>
}

export type Occupancy = "core" | "cores" | "machine"

export type NativeLibrary = "duckdb" | "onnxruntime"

/** Any stage, its types forgotten: what a plan and the runner see. */
export interface AnyStage {
  readonly name: string
  readonly inputs: InputKinds
  readonly outputs: OutputKinds
  readonly code: string
  readonly version: number
  readonly native: ReadonlyArray<NativeLibrary>
  readonly resumable: boolean
  readonly determinism: "deterministic" | "seeded"
  readonly provenance: boolean
}

/** One use of a stage in a plan. */
export interface StageNode {
  readonly _tag: "StageNode"
  /** Unique in a plan: the stage's name, then the label if it has one: `rerank.minilm`, `retrieve.bm25@scifact`. */
  readonly name: string
  readonly stage: AnyStage
  /** The configuration as its schema encodes it, defaults filled in. */
  readonly config: Json
  readonly occupies: Occupancy | undefined
  /** In the order of declaration; one-element arrays for single inputs. */
  readonly inputs: ReadonlyArray<{ readonly name: string; readonly artifacts: ReadonlyArray<Artifact> }>
  /** Loads the implementation and runs it; the types of context and node were checked when it was wired. */
  readonly execute: (given: NodeGiven) => Effect.Effect<StageResult<OutputKinds>, StageError, StageServices>
  /** How a plan divides it; absent where it stays whole. */
  readonly split?: NodeSplit
  /** Which part of another node's work it is. */
  readonly shard?: Shard
}

/** How a wired node is divided. */
export interface NodeSplit {
  readonly shards: number
  /** The stage that joins the parts: it reads what the node reads, and each output of the parts. */
  readonly merge: AnyStage
  readonly execute: StageNode["execute"]
}

/** The joining stage's name for an output of the parts. */
export const shardsInput = (output: string): string => `shards.${output}`

/** What the runner hands to a node: a `StageContext` without the configuration, which the node has. */
export interface NodeGiven {
  readonly inputs: Readonly<Record<string, ReadonlyArray<StoredArtifact>>>
  readonly outputs: Readonly<Record<string, string>>
  readonly scratch: string
  readonly progress: (progress: Progress) => void
  readonly warn: (message: string) => void
  readonly provenance?: ReadonlyArray<NodeProvenance>
  readonly cores?: Cores
  readonly shard?: Shard
  /** Of a node that joins parts: what they said of their results, in order. */
  readonly facts?: ReadonlyArray<Facts>
}

/** Files that the user has, outside the store. */
export interface SourceNode {
  readonly _tag: "SourceNode"
  readonly name: string
  /** Absolute path of the folder. Never part of a key. */
  readonly root: string
  /** Paths relative to `root`, with `/`, sorted: hashed with their bytes. */
  readonly files: ReadonlyArray<string>
}

export type PlanNode = StageNode | SourceNode

/** A stage, ready to be wired: call it with its configuration and inputs, and it returns references to its outputs. */
export interface Stage<C, I extends InputKinds, O extends OutputKinds> extends AnyStage {
  (config: C, inputs: WiredInputs<I>, label?: string): Outputs<O>
}

const isMany = (input: ArtifactKind | Many): input is Many => "many" in input

const inputArtifacts = (wired: Artifact | ReadonlyArray<Artifact> | undefined): ReadonlyArray<Artifact> =>
  wired === undefined ? [] : "node" in wired ? [wired] : wired

/** A label is set off by a dot, unless it brings its own mark: `@scifact`. */
const nodeName = (stage: string, label: string | undefined): string =>
  label === undefined || label === "" ? stage : label.startsWith("@") ? `${stage}${label}` : `${stage}.${label}`

/**
 * Declares a stage. Nothing is loaded and nothing runs: calling the result wires a node, which is plain data.
 *
 * @throws ParseError, when wired, where the configuration does not fit the stage's schema.
 */
export function stage<C, E extends Json, I extends InputKinds, O extends OutputKinds>(
  spec: StageSpec<C, E, I, O>,
): Stage<C, I, O>
// The types are checked by the signature above; inside, inputs and outputs are looked up by name, which no type can follow.
export function stage(spec: StageSpec<unknown, Json, InputKinds, OutputKinds>): unknown {
  const encode = Schema.encodeSync(spec.config)
  const decode = Schema.decodeSync(spec.config)
  const declaration: AnyStage = {
    name: spec.name,
    inputs: spec.inputs,
    outputs: spec.outputs,
    code: spec.code,
    version: spec.version ?? 1,
    native: spec.native ?? [],
    resumable: spec.resumable ?? false,
    determinism: spec.determinism ?? "deterministic",
    provenance: spec.provenance ?? false,
  }
  const { split } = spec
  const merge: AnyStage | undefined = split && {
    ...declaration,
    inputs: {
      ...spec.inputs,
      ...Object.fromEntries(Object.entries(spec.outputs).map(([name, kind]) => [shardsInput(name), many(kind)])),
    },
    code: split.code,
    native: split.native ?? [],
    resumable: false,
    determinism: "deterministic",
  }
  const storedInputs = (given: NodeGiven) =>
    Object.fromEntries(
      Object.entries(spec.inputs).map(([name, kind]) => {
        const stored = given.inputs[name] ?? []
        return [name, isMany(kind) ? stored : stored[0]!]
      }),
    )
  /** How a node of this configuration is divided. */
  const divided = (config: unknown, encoded: Json): NodeSplit | undefined => {
    if (split === undefined || merge === undefined) return undefined
    const shards = split.shards(config)
    if (shards <= 1) return undefined
    return {
      shards,
      merge,
      execute: ({ outputs, progress, warn, facts = [], ...given }) =>
        Effect.flatMap(
          Effect.promise(() => split.load()),
          (module) =>
            module.merge({
              outputs,
              progress,
              warn,
              facts,
              config: decode(encoded),
              inputs: storedInputs({ outputs, progress, warn, ...given }),
              shards: Object.fromEntries(
                Object.keys(spec.outputs).map((name) => [name, given.inputs[shardsInput(name)] ?? []]),
              ),
            }),
        ),
    }
  }
  const wire = (config: unknown, inputs: WiredInputs<InputKinds>, label?: string): Outputs<OutputKinds> => {
    const encoded = encode(config)
    const nodeSplit = divided(config, encoded)
    const node: StageNode = {
      _tag: "StageNode",
      name: nodeName(spec.name, label),
      stage: declaration,
      config: encoded,
      occupies: typeof spec.occupies === "function" ? spec.occupies(config) : spec.occupies,
      inputs: Object.keys(spec.inputs).map((name) => ({ name, artifacts: inputArtifacts(inputs[name]) })),
      execute: (given) =>
        Effect.flatMap(
          Effect.promise(() => spec.load()),
          (module) =>
            module.run({
              ...given,
              config: decode(encoded),
              inputs: storedInputs(given),
            }),
        ),
      ...(nodeSplit === undefined ? {} : { split: nodeSplit }),
    }
    return Object.fromEntries(Object.entries(spec.outputs).map(([output, kind]) => [output, { kind, node, output }]))
  }
  const { name, ...declared } = declaration
  // A function's own `name` cannot be assigned, only redefined.
  return Object.assign(Object.defineProperty(wire, "name", { value: name, enumerable: true }), declared)
}

/** A reference to files the user has: hashed when the plan is looked up, read in place, never copied into the store. */
export const sourceFiles = (source: Omit<SourceNode, "_tag">): Artifact<Kinds.SourceFiles> => ({
  kind: Kinds.SourceFiles,
  node: { _tag: "SourceNode", ...source },
  output: "files",
})
