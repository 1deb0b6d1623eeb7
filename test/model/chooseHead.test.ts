import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { decodeConfig } from "../../neural/index.ts"
import { tokenizerJson } from "../../neural/tokenizers/tokenizerJson.ts"
import { SystemName } from "../../schemas/index.ts"
import { chooseHead } from "../../stages/model/chooseHead.ts"
import type { SavedSettings } from "../../stages/model/sentenceTransformers.ts"
import { reference } from "../neural/tokenizers/support.ts"

const beside: SavedSettings = {
  pools: false,
  limit: undefined,
  lowercases: false,
  prompts: { query: "", passage: "", pair: "" },
  activation: undefined,
  embedding: Effect.die("no bi-encoder"),
  dense: [],
  warnings: [],
}

const file = readFileSync(join(reference, "deberta/tokenizer.json"), "utf8")

/** A tokenizer in which two pieces have these names; their ids are 4 and 6. */
const tokenizerWith = (yes: string, no: string) => {
  const json: { readonly model: { readonly vocab: Array<[piece: string, score: number]> } } = JSON.parse(file)
  // The file's own pieces of such names step aside.
  const { vocab } = json.model
  for (const [id, [piece, score]] of vocab.entries())
    if (piece === yes || piece === no || piece === "\u2581no") vocab[id] = [`${piece}-`, score]
  vocab[4] = [yes, -1]
  vocab[6] = [no, -1]
  const made = tokenizerJson(json, {}, {})
  if ("problem" in made) throw new Error(made.problem)
  return made
}

const chosen = (modelType: string, kind: "decoder-choice" | "decoder-logit", yes: string, no: string) =>
  Effect.gen(function* () {
    const pretrained = yield* decodeConfig({ model_type: modelType })
    return yield* chooseHead(
      { name: SystemName.make("model"), head: kind },
      pretrained,
      undefined,
      beside,
      tokenizerWith(yes, no),
    )
  }).pipe(
    Effect.map(({ head }) => head),
    Effect.catchAll((error) => Effect.succeed(error.message)),
  )

describe("the head of a model with a decoder", () => {
  it.effect("N525 entries are found by their pieces, whatever their ids are", () =>
    Effect.gen(function* () {
      const choice = { kind: "decoder-choice", yes: 4, no: 6 }
      expect(yield* chosen("t5", "decoder-choice", "\u2581true", "\u2581false")).toEqual(choice)
      expect(yield* chosen("mt5", "decoder-choice", "\u2581yes", "\u2581no")).toEqual(choice)
      const logit = { kind: "decoder-logit", token: 6 }
      expect(yield* chosen("t5", "decoder-logit", "\u2581true", "<extra_id_10>")).toEqual(logit)
    }),
  )

  it.effect("N525 a tokenizer without the piece is refused, with what to write instead", () =>
    Effect.gen(function* () {
      const told = /no «\u2581no».*decoder-choice.*"head": \{"kind":"decoder-choice","yes":0,"no":1\}/s
      expect(yield* chosen("mt5", "decoder-choice", "\u2581yes", "\u2581false")).toMatch(told)
      expect(yield* chosen("umt5", "decoder-choice", "\u2581true", "\u2581false")).toMatch(/no «\u2581yes»/)
      expect(yield* chosen("t5", "decoder-logit", "\u2581yes", "\u2581no")).toMatch(/no «<extra_id_10>»/)
    }),
  )
})
