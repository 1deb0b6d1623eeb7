import type { HeadKind, PairTemplate } from "../../schemas/index.ts"
import type { Dropout, Encoder } from "./Encoder.ts"
import type { Initialisation } from "./Initialisation.ts"
import type { Floats, Parameters } from "./Parameters.ts"
import type { TokenBatch } from "./TokenBatch.ts"

/** Where a model's body stands: over which tokens, with which weights, for texts of how many tokens. */
export interface Place {
  readonly tokens: TokenBatch
  readonly parameters: Parameters
  /** The most tokens of a text that the graph has to be right for. */
  readonly maximumTokens: number
  readonly dropout: Dropout
}

/**
 * What a model is made of, without its head: its body as its `config.json` describes it, and all that the rest of the program
 * asks of it. A family makes it; nothing else knows one family from another.
 */
export interface Architecture {
  /** As it is told and stands in a model's card: `bert`, `t5`. */
  readonly family: string
  /** Rows of the embedding of tokens. */
  readonly vocabulary: number
  /** Of a token's final state. */
  readonly width: number
  readonly innerWidth: number
  readonly layers: number
  readonly heads: number
  /** Sizes beyond these five by their names, in the order in which they are told. */
  readonly sizes: Readonly<Record<string, number>>
  /** The longest text that its positions allow; undefined where they have no end. */
  readonly positionLimit: number | undefined
  /** Whether positions are counted from the beginning of a row, padding included: then padding before a text moves it. */
  readonly countsPadding: boolean
  /** Whether it wants token_type_ids. */
  readonly tokenTypes: boolean
  readonly encoder: (place: Place) => Encoder
  /** Logits of the classifier that its checkpoints have, [batch, labels]; absent where there is none. */
  readonly classifier?: (encoder: Encoder, place: Place, labels: number) => Floats
  /** Logits of some entries of the vocabulary, [batch, entries]; absent where there is no language model behind. */
  readonly entryLogits?: (encoder: Encoder, place: Place, entries: readonly number[]) => Floats
  /** The pieces of the vocabulary between which its published rerankers choose; absent where there are none. */
  readonly choice?: { readonly yes: string; readonly no: string }
  /** Whether it is a decoder alone: it scores by its prompt and the words between which it chooses, which no file of its own says. */
  readonly promptDecides?: boolean
  /**
   * Whether, for texts of so many tokens, a token's state is a function of the tokens up to it alone: then a beginning that the texts
   * of a batch share is computed once. Absent: never.
   */
  readonly readsForward?: (maximumTokens: number) => boolean
  /** The kind of head that a class of transformers has, by the class's name; undefined where that does not say it. */
  readonly headOfClass: (name: string) => HeadKind | undefined
  /** The other names that checkpoints may have a tensor under. */
  readonly aliases: (name: string) => readonly string[]
  /** Whether a checkpoint may have a tensor of this name that is not used. */
  readonly ignores: (name: string) => boolean
  /** How query and passage usually become one text. */
  readonly template: (head: HeadKind | undefined) => PairTemplate
  /** The stored gain of a normalisation that leaves its input as it is: 1, or 0 where it is an offset from one. */
  readonly unitGain: 0 | 1
  /**
   * The weights that its encoder begins with when it is trained from nothing, a function of the seed and the tensor's name; absent
   * where it is not begun so.
   */
  readonly initial?: (
    seed: number,
    initialisation: Initialisation,
  ) => (tensor: { readonly name: string; readonly shape: readonly number[] }) => Float32Array<ArrayBuffer>
}

/** The classes of encoders with a classifier: `BertModel` gives states, `BertForSequenceClassification` labels. */
export const headOfEncoderClass = (name: string): HeadKind | undefined => {
  if (name.endsWith("ForSequenceClassification")) return "classifier"
  return name.endsWith("Model") ? "embedding" : undefined
}

const without = (name: string, prefix: string): string => (name.startsWith(prefix) ? name.slice(prefix.length) : name)

const beside = [
  "decoder.",
  "lm_head.",
  "cls.",
  "score.",
  "classifier.",
  "classification_head.",
  "pooler.",
  "generator_predictions.",
  "discriminator_predictions.",
  "head.",
]

/**
 * Tensors that checkpoints have beside an encoder's own: decoders, language model heads, poolers, counters.
 *
 * @param prefix what stands before an encoder's names where a model has a head: `bert.`
 * @param more beginnings of names of a family's own
 * @param keyBias what the name of a key's bias ends with
 */
export const ignoresBeside =
  (prefix: string, more: readonly string[] = [], keyBias = ".attention.self.key.bias") =>
  (name: string): boolean => {
    const bare = without(name, prefix)
    return (
      [...beside, ...more].some((start) => bare.startsWith(start)) ||
      // Where only the first token asks, a key's bias adds the same to all its scores.
      bare.endsWith(keyBias) ||
      bare.endsWith(".position_ids") ||
      bare.endsWith(".token_type_ids") ||
      bare === "encoder.embed_tokens.weight" ||
      bare === "shared.weight"
    )
  }
