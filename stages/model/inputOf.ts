import * as Effect from "effect/Effect"
import {
  type HeadKind,
  monoT5Template,
  type PretrainedConfig,
  pairInput,
  rankT5Template,
  singleInput,
  type Tokenizer,
  type TokenizerError,
} from "../../neural/index.ts"
import type { InputSpec, PairTemplate } from "../../schemas/index.ts"
import type { ModelConfig } from "./contract.ts"
import { ModelUnsuitable } from "./ModelError.ts"

type Family = PretrainedConfig["architecture"]["family"] | "onnx"

/** What the model's files say about its input, beside its settings. */
export interface InputHints {
  readonly family: Family
  readonly head: HeadKind | undefined
  /** What was written beside the weights when rankdag made the model. */
  readonly saved: InputSpec | undefined
  /** sentence-transformers' `max_seq_length`. */
  readonly stated: number | undefined
  /** Tokens that the positions have room for. */
  readonly positions: number | undefined
}

/** A limit that suits passages, where nothing says another. */
const usualTokens = 512

const usualTemplate = (family: Family, head: HeadKind | undefined): PairTemplate => {
  switch (family) {
    case "bert":
    case "onnx":
      return "pair"
    case "t5":
      return head === "decoder-choice" ? monoT5Template : rankT5Template
    case "t5gemma":
      return { ...rankT5Template, eos: false }
  }
}

const templateOf = (config: ModelConfig, hints: InputHints): PairTemplate => {
  const { template, bos, eos } = config
  const saved = hints.saved?.texts.kind === "pair" ? hints.saved.texts.template : undefined
  const usual = saved ?? usualTemplate(hints.family, hints.head)
  if (template === "pair") return "pair"
  const base = usual === "pair" ? { text: "", bos: false, eos: hints.family !== "t5gemma" } : usual
  if (template === undefined && usual === "pair") return "pair"
  return { text: template ?? base.text, bos: bos ?? base.bos, eos: eos ?? base.eos }
}

/**
 * How the model's input is made: from its settings, else from what was saved with it, else as is usual for its family. It is
 * tried on the tokenizer, so that what does not fit is said now.
 */
export const inputOf = (
  config: ModelConfig,
  hints: InputHints,
  tokenizer: Tokenizer,
): Effect.Effect<InputSpec, ModelUnsuitable | TokenizerError> =>
  Effect.gen(function* () {
    const { positions, saved, stated } = hints
    const maximumTokens =
      config.maximumTokens ??
      saved?.maximumTokens ??
      Math.min(stated ?? usualTokens, positions ?? Number.POSITIVE_INFINITY)
    if (positions !== undefined && maximumTokens > positions) {
      return yield* new ModelUnsuitable({
        model: config.name,
        problem: `inputs of ${maximumTokens} tokens are asked for, but its positions end at ${positions}`,
        remedy: "Lower maximumTokens.",
      })
    }
    if (hints.head === "embedding") {
      if (config.template !== undefined) {
        return yield* new ModelUnsuitable({
          model: config.name,
          problem: "it embeds query and passage each on its own, and has no use for a template",
          remedy: "Set queryPrefix and passagePrefix, or choose another head.",
        })
      }
      const before = saved?.texts.kind === "single" ? saved.texts : undefined
      const texts = {
        kind: "single",
        queryPrefix: config.queryPrefix === "" ? (before?.queryPrefix ?? "") : config.queryPrefix,
        passagePrefix: config.passagePrefix === "" ? (before?.passagePrefix ?? "") : config.passagePrefix,
      } as const
      yield* singleInput(tokenizer, maximumTokens, texts.queryPrefix)
      yield* singleInput(tokenizer, maximumTokens, texts.passagePrefix)
      return { texts, maximumTokens }
    }
    if (config.queryPrefix !== "" || config.passagePrefix !== "") {
      return yield* new ModelUnsuitable({
        model: config.name,
        problem: "it reads query and passage together, and has no use for a prefix of each",
        remedy: "Set template, or take the head «embedding».",
      })
    }
    const template = templateOf(config, hints)
    yield* pairInput(template, tokenizer, maximumTokens)
    return { texts: { kind: "pair", template }, maximumTokens }
  })
