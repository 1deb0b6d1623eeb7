import type { Head, InputSpec, SystemName } from "../../schemas/index.ts"

/** Layers, width, heads and so on, by their names, in the order in which they are told. */
export type Sizes = Readonly<Record<string, number>>

/** Weights of the encoder, of its embeddings, and of the head if one is known. */
export interface ParameterCounts {
  readonly encoder: number
  readonly embedding: number
  readonly head?: number
}

/** A tokenizer in words and numbers. */
export interface TokenizerCard {
  readonly description: string
  readonly entries: number
  /** Ids of special tokens, by part: pad, eos, cls. */
  readonly special: Readonly<Record<string, number>>
  /** What its own files put around a text, and around a pair. */
  readonly layouts?: { readonly single: string; readonly pair: string }
  /** Whether a template can join texts that were tokenized on their own. */
  readonly joinsTexts: boolean
}

/** What a model's files say, as far as they can be read. */
export interface Inspection {
  readonly name: SystemName
  readonly origin: string
  /** `onnx` for a ready graph of which no configuration says more. */
  readonly family: string
  readonly files: ReadonlyArray<{ readonly name: string; readonly bytes: number }>
  /** The class names that a checkpoint was saved from. */
  readonly classes?: ReadonlyArray<string>
  readonly sizes?: Sizes
  readonly parameters?: ParameterCounts
  readonly weights?: {
    readonly dtypes: Readonly<Record<string, { readonly tensors: number; readonly bytes: number }>>
    /** How the files' tensors differ from those that the model with the head needs; there where a head is known. */
    readonly fit?: {
      readonly missing: ReadonlyArray<string>
      readonly misshaped: ReadonlyArray<{
        readonly name: string
        readonly expected: ReadonlyArray<number>
        readonly found: ReadonlyArray<number>
      }>
      readonly extra: ReadonlyArray<string>
    }
  }
  /** Of a ready graph. */
  readonly graph?: {
    /** Versions of the operator sets, by domain. */
    readonly opsets: Readonly<Record<string, number>>
    readonly producer: string
    /** `input_ids int64 [batch, sequence]` */
    readonly inputs: ReadonlyArray<string>
    readonly outputs: ReadonlyArray<string>
    readonly dataFiles: ReadonlyArray<string>
  }
  readonly tokenizer?: TokenizerCard
  /** The heads that the architecture can have. */
  readonly heads?: ReadonlyArray<Head["kind"]>
  /** The head that would be taken. */
  readonly head?: Head
  /** How query and passage would be read. */
  readonly input?: InputSpec
  /** What may change scores unread, or was chosen without being asked for; a run says the same. */
  readonly warnings: ReadonlyArray<string>
  /** What cannot be read, does not fit or has to be chosen. */
  readonly problems: ReadonlyArray<string>
}
