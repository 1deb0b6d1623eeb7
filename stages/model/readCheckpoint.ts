import { readFile } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { OpenedTokenizer, PretrainedConfig, Tokenizer } from "../../neural/index.ts"
import { ModelCard, modelFiles } from "../../schemas/index.ts"
import { chooseHead } from "./chooseHead.ts"
import type { ModelConfig } from "./contract.ts"
import type { InputHints } from "./inputOf.ts"
import { promptNamed, promptOf } from "./knownPrompts.ts"
import { ModelUnsuitable } from "./ModelError.ts"
import { attempt, type ModelFolder, readJson } from "./ModelFolder.ts"
import { readSentenceTransformers, type SavedSettings, unknownText } from "./sentenceTransformers.ts"

/** Words whose capitals and accents a tokenizer keeps apart, or does not. */
const capitals = ["Wool COATS", "Ärger"] as const

const lowercases = (tokenizer: Tokenizer): boolean =>
  capitals.every((text) => tokenizer.encode(text).join() === tokenizer.encode(text.toLowerCase()).join())

/** Refuses a model whose texts would have to be lower-cased before its tokenizer sees them. */
const checkLowerCase = (model: string, beside: SavedSettings, tokenizer: Tokenizer) =>
  beside.lowercases && !lowercases(tokenizer)
    ? new ModelUnsuitable({
        model,
        problem:
          "its sentence_bert_config.json: do_lower_case is true, and its tokenizer keeps capitals, which is not built",
        remedy: "Put a Lowercase normalizer into tokenizer.json.",
      })
    : Effect.void

/**
 * Refuses padding before the texts where positions are counted from the beginning of a row: then what else is in a batch moves
 * them, so that no score is the score.
 */
const checkPadding = (model: string, pretrained: PretrainedConfig | undefined, opened: OpenedTokenizer | undefined) => {
  return pretrained?.architecture.countsPadding === true && opened?.padsLeft === true
    ? new ModelUnsuitable({
        model,
        problem:
          "its tokenizer pads on the left (padding_side), and its positions are counted from the left: transformers' scores of a text depend on the others in its batch",
        remedy: 'Set padding_side to "right" in tokenizer_config.json: a text is scored as if it were alone.',
      })
    : Effect.void
}

/** What a folder's files say of a model's input, its head left out. */
const hintsOf = (
  pretrained: PretrainedConfig | undefined,
  card: ModelCard | undefined,
  beside: SavedSettings,
  opened: OpenedTokenizer | undefined,
): Omit<InputHints, "head"> => ({
  template: pretrained?.architecture.template ?? (() => "pair"),
  saved: card?.input,
  stated: beside.limit ?? opened?.limit,
  prompts: beside.prompts,
  positions: pretrained?.architecture.positionLimit,
})

const chatTemplate = "chat_template.jinja"
const ChatTemplate = Schema.Struct({ chat_template: Schema.optional(Schema.Unknown) })

/** The prompt that the settings name, else that of the published model that this is. */
const readPrompt = (source: ModelFolder, config: ModelConfig) =>
  Effect.gen(function* () {
    const named = promptNamed(config.template)
    if (named !== undefined) return named
    const apart = join(source.folder, chatTemplate)
    // transformers 5 writes it into a file of its own, which goes before.
    const chat = source.files.includes(chatTemplate)
      ? yield* attempt(apart, () => readFile(apart, "utf8"))
      : (yield* readJson(source, "tokenizer_config.json", ChatTemplate))?.chat_template
    const repository = /^hub (\S+) at /u.exec(source.origin)?.[1]
    return promptOf(
      [config.name, ...(repository === undefined ? [] : [repository])],
      typeof chat === "string" ? chat : undefined,
    )
  })

/**
 * What a folder's files say of a model beside its weights: head, input, and what is to be told. Without `pretrained` it is a
 * ready graph, which has its head inside.
 */
export const readCheckpoint = (
  source: ModelFolder,
  config: ModelConfig,
  pretrained: PretrainedConfig | undefined,
  opened: OpenedTokenizer | undefined,
  isGraph: boolean,
) =>
  Effect.gen(function* () {
    const card = yield* readJson(source, modelFiles.card, ModelCard)
    const beside = yield* readSentenceTransformers(source, config.name)
    if (opened !== undefined) yield* checkLowerCase(config.name, beside, opened.tokenizer)
    yield* checkPadding(config.name, pretrained, opened)
    const prompt = yield* readPrompt(source, config)
    const chosen =
      pretrained === undefined || isGraph
        ? { head: undefined, warnings: [] }
        : yield* chooseHead(config, pretrained, card?.head, beside, opened?.tokenizer, prompt)
    return {
      head: chosen.head,
      dense: beside.dense,
      hints: { ...hintsOf(pretrained, card, beside, opened), prompt },
      warnings: [
        ...(pretrained?.unknownFields ?? []).map((field) => unknownText(modelFiles.config, field)),
        ...(opened?.unknownFields ?? []).map(({ field, file }) => unknownText(file, field)),
        ...beside.warnings,
        ...chosen.warnings,
      ],
    }
  })
