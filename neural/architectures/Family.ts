import type { FieldTable, HeadKind, ScratchSettings } from "../../schemas/index.ts"
import type { Architecture } from "./Architecture.ts"
import type { Outcome } from "./ConfigJson.ts"

/** How the `config.json` of a model type is read, and what becomes of its fields. */
export interface ModelType {
  readonly fields: FieldTable
  readonly read: (json: unknown) => Outcome<Architecture>
  /** The model type whose graph it has, name for name: its golden scores are that one's. */
  readonly sameGraph?: string
}

/** Heads of states alone, which every architecture has. */
export const pooledHeads = ["first-token", "masked-mean", "attention-pooling", "embedding"] as const

/** A repository of the hub that people fetch. */
export interface KnownRepository {
  /** `owner/name` */
  readonly name: string
  readonly modelType: string
  readonly head: HeadKind
}

/** The sizes of a model from nothing, of whatever its tokenizer came to. */
export interface ScratchSizes extends Pick<ScratchSettings, "width" | "heads" | "headSize" | "innerWidth" | "layers"> {
  readonly vocabulary: number
  readonly maximumTokens: number
}

/** A family of models: what reads its files, and what is known of those that are published. */
export interface Family {
  readonly name: string
  /** By `model_type` of `config.json`. */
  readonly modelTypes: Readonly<Record<string, ModelType>>
  readonly repositories: readonly KnownRepository[]
  /** The heads whose scores are shown to be transformers' (or, of rankdag's own heads, those of its states), by model type. */
  readonly proven?: Readonly<Record<string, readonly HeadKind[]>>
  /**
   * The `config.json` of a model from nothing, as Hugging Face's classes write and read it: an encoder, whose special tokens are
   * `trainBpe`'s. Absent where its models are not begun so.
   */
  readonly scratch?: (sizes: ScratchSizes) => Readonly<Record<string, unknown>>
}
