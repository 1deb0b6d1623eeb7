import * as Schema from "effect/Schema"
import type { Artifact } from "../../pipeline/index.ts"
import type { Kinds, ModelChoice } from "../../schemas/index.ts"
import type { Asked, Bm25Config, PassageField } from "./contract.ts"

/** The vectors of a collection by one model. */
export interface WiredVectors {
  readonly passages: Artifact<Kinds.Vectors>
  readonly queries: Artifact<Kinds.Vectors>
}

/** What a first stage is wired to. */
export interface SearchGround {
  readonly passages: Artifact<Kinds.Passages>
  readonly queries: Artifact<Kinds.Queries>
  /** Our inverted index of the passages; it is built where something reads it. */
  readonly index: Artifact<Kinds.Bm25Index>
  /** An inverted index of one field of the passages. */
  readonly fieldIndex: (field: PassageField) => Artifact<Kinds.Bm25Index>
  /** BM25's settings, for what builds on it. */
  readonly bm25: Bm25Config
  /** The passages and the queries of the splits by an embedding model; they are encoded where something reads them. */
  readonly vectorsOf: (model: ModelChoice, splits: Asked["splits"]) => WiredVectors
  /** Threads of what runs on the CPU; left out, all that there are. */
  readonly threads: number | undefined
  /** Tells apart the nodes of several collections. */
  readonly label: string
}

/** A system that a first stage's settings ask for. */
export interface FirstStageSystem {
  /** Its name in the table. */
  readonly name: string
  readonly wire: (asked: Asked, ground: SearchGround) => Artifact<Kinds.Run>
}

/** A first stage as the configuration names it; `registry.ts` lists it. */
export interface FirstStage {
  /** What `retrieve.systems` calls it. */
  readonly name: string
  /** Its settings' name under `retrieve`. */
  readonly section: string
  /** One line for people. */
  readonly description: string
  /** Its settings, each with a default. */
  readonly settings: Schema.Schema.AnyNoContext
  /** What its settings are where nothing is said, as they are written. */
  readonly unset: unknown
  /** Whether a collection of any size is asked where the user names no systems; otherwise one of up to 100 MB. */
  readonly anySize: boolean
  /** Whether it is its settings that ask for it: where they name none, there are no systems of it, and where they do, nothing else need. */
  readonly bySettings: boolean
  /** The systems that settings of its section ask for, defaults filled in. */
  readonly systems: (settings: unknown) => ReadonlyArray<FirstStageSystem>
}

/** What a first stage of one system is made from. */
export interface FirstStageSpec<A, I> {
  readonly name: string
  /** Left out, the name. */
  readonly section?: string
  readonly description: string
  readonly settings: Schema.Schema<A, I>
  /** Default no. */
  readonly anySize?: boolean
  readonly wire: (config: A & Asked, ground: SearchGround) => Artifact<Kinds.Run>
}

/** Makes a first stage from its settings and the stage that searches. */
export const defineFirstStage = <A, I>(spec: FirstStageSpec<A, I>): FirstStage => {
  const { anySize = false, description, name, section = name, settings, wire } = spec
  const decode = Schema.decodeUnknownSync(Schema.typeSchema(settings))
  return {
    name,
    section,
    description,
    settings,
    unset: {},
    anySize,
    bySettings: false,
    systems: (given) => [{ name, wire: (asked, ground) => wire({ ...decode(given), ...asked }, ground) }],
  }
}

/** What a first stage is made from whose settings ask for it. */
export interface FirstStagesSpec<A, I> {
  readonly name: string
  readonly description: string
  readonly settings: Schema.Schema<A, I>
  readonly unset: NoInfer<I>
  readonly systems: (settings: A) => ReadonlyArray<FirstStageSystem>
}

/** Makes a first stage that has as many systems as its settings ask for, on a collection of any size. */
export const defineFirstStages = <A, I>(spec: FirstStagesSpec<A, I>): FirstStage => {
  const { description, name, settings, systems, unset } = spec
  const decode = Schema.decodeUnknownSync(Schema.typeSchema(settings))
  return {
    name,
    section: name,
    description,
    settings,
    unset,
    anySize: true,
    bySettings: true,
    systems: (given) => systems(decode(given)),
  }
}
