import * as Effect from "effect/Effect"
import { type HeadKind, pairInput, singleInput, type Tokenizer, type TokenizerError } from "../../neural/index.ts"
import { type InputSpec, type PairTemplate, queryTokensOf } from "../../schemas/index.ts"
import type { ModelConfig } from "./contract.ts"
import { ModelUnsuitable } from "./ModelError.ts"
import type { SavedSettings } from "./sentenceTransformers.ts"

/** What the model's files say about its input, beside its settings. */
export interface InputHints {
  /** How texts usually become one for the architecture with a head. */
  readonly template: (head: HeadKind | undefined) => PairTemplate
  readonly head: HeadKind | undefined
  /** What was written beside the weights when rankdag made the model. */
  readonly saved: InputSpec | undefined
  /** The limit on tokens that sentence-transformers or the tokenizer's files state. */
  readonly stated: number | undefined
  /** What sentence-transformers puts before texts. */
  readonly prompts: SavedSettings["prompts"]
  /** Tokens that the positions have room for. */
  readonly positions: number | undefined
}

/** A limit that suits passages, where nothing says another and positions have no end. */
const usualTokens = 512

const templateOf = (config: ModelConfig, hints: InputHints): PairTemplate => {
  const { template, bos, eos } = config
  const saved = hints.saved?.texts.kind === "pair" ? hints.saved.texts.template : undefined
  const own = hints.template(hints.head)
  const usual = saved ?? own
  if (template === "pair") return "pair"
  const base = usual === "pair" ? { text: "", bos: false, eos: own === "pair" || own.eos } : usual
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
      Math.min(stated ?? positions ?? usualTokens, positions ?? Number.POSITIVE_INFINITY)
    const truncation = config.truncation ?? saved?.truncation
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
        queryPrefix: config.queryPrefix ?? before?.queryPrefix ?? hints.prompts.query,
        passagePrefix: config.passagePrefix ?? before?.passagePrefix ?? hints.prompts.passage,
      } as const
      yield* singleInput(tokenizer, maximumTokens, texts.queryPrefix)
      yield* singleInput(tokenizer, maximumTokens, texts.passagePrefix)
      // Each text is shortened on its own, whatever is said of pairs.
      if (truncation === undefined || queryTokensOf(truncation) === undefined) return { texts, maximumTokens }
      return { texts, maximumTokens, truncation }
    }
    if ((config.passagePrefix ?? "") !== "") {
      return yield* new ModelUnsuitable({
        model: config.name,
        problem: "it reads query and passage together, and has no use for a prefix of passages",
        remedy: "Set template, or take the head «embedding».",
      })
    }
    const template = templateOf(config, hints)
    if (template !== "pair" && (config.queryPrefix ?? "") !== "") {
      return yield* new ModelUnsuitable({
        model: config.name,
        problem: "its template says what stands before the query, and has no use for a prefix",
        remedy: "Set template.",
      })
    }
    const before = saved?.texts.kind === "pair" ? (saved.texts.queryPrefix ?? "") : hints.prompts.pair
    const queryPrefix = template === "pair" ? (config.queryPrefix ?? before) : ""
    yield* pairInput(template, tokenizer, maximumTokens, queryPrefix, truncation)
    const texts = { kind: "pair", template, ...(queryPrefix === "" ? {} : { queryPrefix }) } as const
    return { texts, maximumTokens, ...(truncation === undefined ? {} : { truncation }) }
  })
