import * as Effect from "effect/Effect"
import { type HeadKind, pairInput, singleInput, type Tokenizer, type TokenizerError } from "../../neural/index.ts"
import { type InputSpec, type PairTemplate, queryTokensOf } from "../../schemas/index.ts"
import type { ModelConfig } from "./contract.ts"
import { type KnownPrompt, promptNamed, promptNames } from "./knownPrompts.ts"
import { ModelUnsuitable } from "./ModelError.ts"
import type { SavedSettings } from "./sentenceTransformers.ts"

/** What the model's files say about its input, beside its settings. */
export interface InputHints {
  /** How texts usually become one for the architecture with a head. */
  readonly template: (head: HeadKind | undefined) => PairTemplate
  readonly head: HeadKind | undefined
  /** The prompt that the settings name, or else that of the published model. */
  readonly prompt?: KnownPrompt | undefined
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

/** Heads that read a prompt as it was trained. */
const prompted: ReadonlySet<HeadKind> = new Set(["decoder-choice", "decoder-logit", "classifier"])

const templateOf = (config: ModelConfig, hints: InputHints): PairTemplate => {
  const { template, bos, eos, instruction } = config
  const { prompt } = hints
  // What a trained model was saved with goes before what its kind is known for, and a name in the settings before both.
  const applies =
    template === undefined && hints.saved === undefined && hints.head !== undefined && prompted.has(hints.head)
  if (prompt !== undefined && (applies || promptNamed(template) !== undefined)) {
    const known = prompt.template(instruction ?? prompt.instruction ?? "")
    return known === "pair" ? known : { ...known, bos: bos ?? known.bos, eos: eos ?? known.eos }
  }
  if (typeof template === "object") return { parts: template, bos: bos ?? false, eos: eos ?? false }
  const saved = hints.saved?.texts.kind === "pair" ? hints.saved.texts.template : undefined
  const own = hints.template(hints.head)
  const usual = saved ?? own
  if (template === "pair") return "pair"
  if (template === undefined && usual === "pair") return "pair"
  if (template === undefined && usual !== "pair") return { ...usual, bos: bos ?? usual.bos, eos: eos ?? usual.eos }
  const base = usual === "pair" ? { bos: false, eos: own === "pair" || own.eos } : usual
  return { text: template ?? "", bos: bos ?? base.bos, eos: eos ?? base.eos }
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
      (hints.head !== undefined && prompted.has(hints.head) ? hints.prompt?.maximumTokens : undefined) ??
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
    const taken = hints.prompt?.instruction !== undefined
    if (config.instruction !== undefined && !taken) {
      return yield* new ModelUnsuitable({
        model: config.name,
        problem: "an instruction is asked for, and its prompt has no place for one",
        remedy: "Write it into template.",
      })
    }
    if ((config.passagePrefix ?? "") !== "") {
      return yield* new ModelUnsuitable({
        model: config.name,
        problem: "it reads query and passage together, and has no use for a prefix of passages",
        remedy: "Set template, or take the head «embedding».",
      })
    }
    const asked = config.template
    if (typeof asked === "string" && asked !== "pair" && !asked.includes("{") && promptNamed(asked) === undefined) {
      return yield* new ModelUnsuitable({
        model: config.name,
        problem: `template «${asked}» is neither a text with {query} and {document} nor a prompt that is known (${promptNames(asked)})`,
        remedy: "Name one of these, or write the text, or its parts as a list.",
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
