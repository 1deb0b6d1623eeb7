import * as Onnx from "../../onnx/index.ts"
import { type Architecture, headOfEncoderClass, ignoresBeside, type Place } from "../Architecture.ts"
import type { Encoder } from "../Encoder.ts"
import type { Floats } from "../Parameters.ts"
import { type RotaryStack, rotaryStack, seesAllBefore, stackArchitecture } from "../RotaryStack.ts"

/** A decoder with its heads. */
export interface CausalDecoder {
  readonly family: string
  readonly stack: RotaryStack
  /** Whether the embedding is the output's table too. */
  readonly tied: boolean
  /** Logits z become c · tanh(z / c); undefined: they stay. */
  readonly logitCap: number | undefined
  /** The id that a classifier does not take for a text's last token; undefined: there is none. */
  readonly padding: number | undefined
}

/** The logits of some entries of the vocabulary at the last token: only their rows of the output's table are in the graph's products. */
const entryLogits =
  ({ logitCap, stack, tied }: CausalDecoder) =>
  (encoder: Encoder, { parameters }: Place, entries: readonly number[]): Floats => {
    const name = tied ? `${stack.prefix}embed_tokens.weight` : "lm_head.weight"
    const table = parameters.get(name, stack.vocabulary, stack.width)
    const logits = Onnx.linear(encoder.last(), Onnx.gather(table, Onnx.integers(entries, [entries.length])))
    return logitCap === undefined ? logits : Onnx.multiply(Onnx.tanh(Onnx.multiply(logits, 1 / logitCap)), logitCap)
  }

/**
 * The classifier reads the last token that is not the padding's, by its id as in transformers: of a text that ends with that very
 * token, the one before.
 */
const classifier =
  ({ padding, stack }: CausalDecoder) =>
  (encoder: Encoder, place: Place, labels: number): Floats => {
    const { parameters, tokens } = place
    const last = (): Floats => {
      if (padding === undefined) return encoder.last()
      const other = Onnx.cast<"float32">(Onnx.not(Onnx.equal(tokens.ids, padding)), "float32")
      return rotaryStack(stack, { ...place, tokens: { ...tokens, mask: Onnx.multiply(tokens.mask, other) } }).last()
    }
    return Onnx.linear(last(), parameters.get("score.weight", labels, stack.width))
  }

/** The architecture of a decoder. */
export const causalDecoder = (decoder: CausalDecoder): Architecture => {
  const { family, stack } = decoder
  return {
    family,
    ...stackArchitecture(stack),
    classifier: classifier(decoder),
    entryLogits: entryLogits(decoder),
    promptDecides: true,
    readsForward: (maximumTokens) => seesAllBefore(stack, maximumTokens),
    headOfClass: headOfEncoderClass,
    aliases: (name) => [`model.${name}`],
    ignores: ignoresBeside("model."),
    template: () => "pair",
  }
}
