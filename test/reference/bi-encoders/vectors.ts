/** Prints the vectors that a model's folder gives texts, for `check.py`: npx tsx vectors.ts FOLDER > texts.json */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import {
  layerOnnxRuntime,
  openModel,
  openTokenizer,
  readModelCard,
  singleInput,
  singleSequence,
} from "../../../neural/index.ts"

const texts = {
  queries: ["what is a bank transit number", "how long is a life sentence", "RSA definition key"],
  passages: [
    "A transit number is a nine-digit code on the bottom of a check.",
    "Life imprisonment is a sentence under which convicted people are to remain in prison for the rest of their lives.",
    "bank",
  ],
} as const

const [folder = ""] = process.argv.slice(2)

const program = Effect.gen(function* () {
  const card = yield* readModelCard(folder)
  const { maximumTokens, texts: how, truncation } = card.input
  if (how.kind !== "single") return yield* Effect.dieMessage("it reads texts together")
  const { tokenizer } = yield* openTokenizer(folder)
  const { scorer } = yield* openModel(folder, card, { device: "cpu", threads: 1, tokensPerBatch: 1024 })
  const vectorsOf = (some: readonly string[], prompt: string) =>
    Effect.gen(function* () {
      const input = yield* singleInput(tokenizer, maximumTokens, prompt, truncation)
      const vectors = yield* scorer.score(
        some.map((text) => singleSequence(input, input.text(text), scorer.wantsTypes)),
      )
      const width = vectors.length / some.length
      return some.map((text, i) => [text, [...vectors.subarray(i * width, (i + 1) * width)]] as const)
    })
  const queries = yield* vectorsOf(texts.queries, how.queryPrefix)
  const passages = yield* vectorsOf(texts.passages, how.passagePrefix)
  yield* Console.log(JSON.stringify({ queries, passages }))
})

void Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(layerOnnxRuntime)))
