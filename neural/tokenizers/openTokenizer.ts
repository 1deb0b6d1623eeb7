import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { causeText, checkFields, gitLfsPointer, isRecord, refusedText, tokenizerFiles } from "../../schemas/index.ts"
import { sentencePiece } from "./sentencePiece.ts"
import { isTokenId, type SpecialNames, specialIds } from "./specialTokens.ts"
import type { SpecialIds, Tokenizer } from "./Tokenizer.ts"
import { TokenizerInvalid } from "./TokenizerError.ts"
import { isLeft, layoutsOfClass, makesLayouts, passesTokenTypes, statedLimit, withoutTypes } from "./tokenizerConfig.ts"
import { tokenizerConfigFields, tokenizerJsonFields } from "./tokenizerFields.ts"
import { tokenizerJson } from "./tokenizerJson.ts"
import { wordPiece } from "./WordPiece.ts"

type Json = Readonly<Record<string, unknown>>

/** The files that add to one that makes a tokenizer. */
const companions = ["tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"] as const

/** A tokenizer, and the names of the files in the folder that decide it (to be hashed, or copied beside exported weights). */
export interface OpenedTokenizer {
  readonly tokenizer: Tokenizer
  readonly files: ReadonlyArray<string>
  /** The limit on tokens that its files state. */
  readonly limit: number | undefined
  /** Whether batches are padded before the texts. */
  readonly padsLeft: boolean
  /** Fields of which nothing is known here. */
  readonly unknownFields: ReadonlyArray<{ readonly file: string; readonly field: string }>
}

const invalid = (path: string, problem: string): TokenizerInvalid =>
  new TokenizerInvalid({
    path,
    problem,
    remedy: "Fetch the tokenizer's files again, from the repository that the weights come from.",
  })

const partNames: { readonly [Part in keyof SpecialIds]: string } = {
  pad: "pad_token",
  eos: "eos_token",
  bos: "bos_token",
  unk: "unk_token",
  cls: "cls_token",
  sep: "sep_token",
  mask: "mask_token",
}

/** A special token's name stands as a text, or as an object with its content. */
const nameIn = (value: unknown): string | undefined => {
  const name = isRecord(value) ? value["content"] : value
  return typeof name === "string" ? name : undefined
}

const namesIn = (config: Json, map: Json): SpecialNames => {
  const find = (part: keyof SpecialIds): string | undefined =>
    nameIn(config[partNames[part]]) ?? nameIn(map[partNames[part]])
  return {
    pad: find("pad"),
    eos: find("eos"),
    bos: find("bos"),
    unk: find("unk"),
    cls: find("cls"),
    sep: find("sep"),
    mask: find("mask"),
  }
}

/** Tokens that the files beside a SentencePiece model add to it. */
const addedIn = (config: Json, added: Json): Map<string, number> => {
  const tokens = new Map<string, number>()
  for (const [name, id] of Object.entries(added)) if (typeof id === "number") tokens.set(name, id)
  const decoder = config["added_tokens_decoder"]
  for (const [id, token] of isRecord(decoder) ? Object.entries(decoder) : []) {
    const name = nameIn(token)
    if (name !== undefined && /^\d+$/u.test(id)) tokens.set(name, Number(id))
  }
  return tokens
}

/** T5's sentinels follow the pieces, counted downwards: `<extra_id_0>` has the highest id. */
const addSentinels = (bare: Tokenizer, config: Json, added: Map<string, number>): void => {
  const stated = config["extra_ids"]
  const { pad, eos, unk, bos } = bare.special
  const isT5 = pad === 0 && eos === 1 && unk === 2 && bos === undefined
  const count = typeof stated === "number" ? stated : isT5 ? 100 : 0
  if (bare.idOf("<extra_id_0>") !== undefined || added.has("<extra_id_0>")) return
  for (let k = 0; k < count; k++) added.set(`<extra_id_${k}>`, bare.vocabularySize + count - 1 - k)
}

const fromModel = (
  file: Uint8Array,
  names: SpecialNames,
  config: Json,
  added: Map<string, number>,
): Tokenizer | { readonly problem: string } => {
  for (const [name, id] of added)
    if (!isTokenId(id)) return { problem: `the files beside it add the token ${name} with the impossible id ${id}` }
  const bare = sentencePiece(file, { names, added })
  if ("problem" in bare) return bare
  const before = added.size
  addSentinels(bare, config, added)
  return added.size === before ? bare : sentencePiece(file, { names, added })
}

const fromVocabulary = (text: string, names: SpecialNames, config: Json): Tokenizer | { readonly problem: string } => {
  const lines = text.split(/\r?\n/u)
  if (lines.at(-1) === "") lines.pop()
  const ids = new Map(lines.map((piece, id) => [piece.trim(), id]))
  const special = specialIds(names, (piece) => ids.get(piece))
  if (special.unk === undefined) return { problem: "it has no [UNK]" }
  const added = new Map<string, { id: number; stripBefore: boolean; stripAfter: boolean }>()
  for (const id of [special.pad, special.eos, special.bos, special.unk, special.cls, special.sep, special.mask]) {
    const piece = id === undefined ? undefined : lines[id]?.trim()
    if (id !== undefined && piece !== undefined) added.set(piece, { id, stripBefore: false, stripAfter: false })
  }
  const lowercase = config["do_lower_case"] !== false
  return wordPiece({
    description: `WordPiece vocab.txt of ${ids.size} pieces`,
    ids,
    prefix: "##",
    unk: special.unk,
    longestWord: 100,
    clean: true,
    splitIdeographs: config["tokenize_chinese_chars"] !== false,
    stripAccents: typeof config["strip_accents"] === "boolean" ? config["strip_accents"] : lowercase,
    lowercase,
    added,
    special,
    layouts: undefined,
  })
}

/**
 * Opens the tokenizer in a checkpoint's folder: tokenizer.json, else a SentencePiece model (spiece.model, tokenizer.model),
 * else BERT's vocab.txt; with the special tokens that the configuration beside it names.
 */
export const openTokenizer = (folder: string): Effect.Effect<OpenedTokenizer, TokenizerInvalid> =>
  Effect.gen(function* () {
    const names = yield* Effect.tryPromise({
      try: () => readdir(folder),
      catch: (cause) => invalid(folder, `it cannot be listed (${causeText(cause)})`),
    })
    const source = tokenizerFiles.find((name) => names.includes(name))
    if (source === undefined)
      return yield* new TokenizerInvalid({
        path: folder,
        problem: `it holds no tokenizer: none of ${tokenizerFiles.join(", ")}`,
        remedy: "Put the files of the tokenizer that the model was trained with beside its weights.",
      })
    const path = join(folder, source)
    const read = (name: string) =>
      Effect.tryPromise({
        try: () => readFile(join(folder, name)),
        catch: (cause) => invalid(join(folder, name), causeText(cause)),
      }).pipe(
        Effect.flatMap((bytes) => {
          const pointer = gitLfsPointer(bytes)
          return pointer === undefined
            ? Effect.succeed(bytes)
            : Effect.fail(new TokenizerInvalid({ path: join(folder, name), ...pointer }))
        }),
      )
    const parse = (name: string, bytes: Uint8Array) =>
      Effect.try({
        try: (): unknown => JSON.parse(new TextDecoder().decode(bytes)),
        catch: (cause) => invalid(join(folder, name), `it is not JSON (${String(cause)})`),
      })
    const companion = (name: (typeof companions)[number]): Effect.Effect<Json, TokenizerInvalid> =>
      names.includes(name)
        ? Effect.flatMap(read(name), (bytes) => parse(name, bytes)).pipe(
            Effect.filterOrFail(isRecord, () => invalid(join(folder, name), "it is not an object")),
          )
        : Effect.succeed({})

    const config = yield* companion("tokenizer_config.json")
    const map = yield* companion("special_tokens_map.json")
    const extra = yield* companion("added_tokens.json")
    const specialNames = namesIn(config, map)
    const bytes = yield* read(source)
    const json = source === "tokenizer.json" ? yield* parse(source, bytes) : undefined
    const opened =
      source === "tokenizer.json"
        ? tokenizerJson(json, specialNames, config)
        : source === "vocab.txt"
          ? fromVocabulary(new TextDecoder().decode(bytes), specialNames, config)
          : fromModel(bytes, specialNames, config, addedIn(config, extra))
    if ("problem" in opened) return yield* invalid(path, opened.problem)
    const limit = statedLimit(config)
    const configPath = join(folder, companions[0])
    if (typeof limit === "object") {
      return yield* new TokenizerInvalid({ path: configPath, problem: limit.problem, remedy: "Mend the field." })
    }
    const found = checkFields(tokenizerConfigFields, config)
    const [refused] = found.refused
    if (refused !== undefined) {
      const { remedy } = refused
      return yield* new TokenizerInvalid({ path: configPath, problem: refusedText(refused), remedy })
    }
    if (isLeft(config, json, "truncation")) {
      return yield* new TokenizerInvalid({
        path,
        problem: "truncation.direction is Left: texts are shortened from their beginning, which is not built",
        remedy: 'Set truncation_side to "right" in tokenizer_config.json, if the model was trained so.',
      })
    }
    const ofClass = layoutsOfClass(config, opened.special)
    const layouts = (makesLayouts(config) ? ofClass : undefined) ?? opened.layouts ?? ofClass
    const typed = layouts === undefined || passesTokenTypes(config) ? layouts : withoutTypes(layouts)
    return {
      tokenizer: { ...opened, layouts: typed },
      files: [source, ...companions.filter((name) => names.includes(name))],
      limit,
      padsLeft: isLeft(config, json, "padding"),
      unknownFields: [
        ...found.unknown.map((field) => ({ file: companions[0], field })),
        ...checkFields(tokenizerJsonFields, json).unknown.map((field) => ({ file: source, field })),
      ],
    }
  })
