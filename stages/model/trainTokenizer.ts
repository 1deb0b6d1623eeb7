import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { trainBpe } from "../../neural/index.ts"
import { readBatches, readRows, type StageContext } from "../../pipeline/index.ts"
import { causeText, InputSpec, inputFile, passageText, type TextTemplate } from "../../schemas/index.ts"
import type { TrainTokenizerConfig, trainTokenizerInputs, trainTokenizerOutputs } from "./contract.ts"
import { ModelFileFailed } from "./ModelError.ts"

/**
 * The input of a model from nothing. It knows no words yet: one separating token tells it as much as RankT5's «Query:» and
 * «Document:», and makes the input shorter.
 */
const scratchTemplate: TextTemplate = { text: "{query} </s> {document}", bos: false, eos: true }

/** Passages beyond so many add nothing to the counts of a small vocabulary but time. */
const mostPassages = 200_000

/** Trains a byte-pair encoding on the passages and the train queries. */
export const run = (
  context: StageContext<TrainTokenizerConfig, typeof trainTokenizerInputs, typeof trainTokenizerOutputs>,
) =>
  Effect.gen(function* () {
    const { config, inputs, outputs } = context
    const texts: Array<string> = []
    yield* Stream.runForEach(readBatches(inputs.passages, ["title", "text"]), ({ text, title }) =>
      Effect.sync(() => {
        for (let row = 0; row < text.length && texts.length < mostPassages; row++) {
          texts.push(passageText(title[row] ?? null, text[row] ?? ""))
        }
      }),
    )
    const passages = texts.length
    for (const { split, text } of yield* readRows(inputs.queries)) if (split === "train") texts.push(text)
    const input: InputSpec = {
      texts: { kind: "pair", template: scratchTemplate },
      maximumTokens: config.maximumTokens,
    }
    const files = {
      ...trainBpe(texts, { size: config.vocabulary }),
      [inputFile]: `${JSON.stringify(Schema.encodeSync(InputSpec)(input), null, 1)}\n`,
    }
    yield* Effect.forEach(Object.entries(files), ([name, text]) => {
      const path = join(outputs.tokenizer, name)
      return Effect.tryPromise({
        try: () => writeFile(path, text),
        catch: (cause) => new ModelFileFailed({ path, why: causeText(cause) }),
      })
    })
    return { facts: { passages, queries: texts.length - passages } }
  })
