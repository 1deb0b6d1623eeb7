import { cpSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { openWeights, trainBpe, writeSafetensors } from "../../neural/index.ts"
import { temporaryFolder } from "./storedTable.ts"

/** The small random models that `test/reference/models/generate.py` makes; their vocabularies have 64 entries. */
export const fixtures = join(import.meta.dirname, "../reference/models")

const letters = Array.from("abcdefghijklmnopqrstuvwxyz")

/** A vocabulary of 63 pieces that spells every word in lower-case letters. */
export const smallVocabulary = [
  ...["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"],
  ...["harbour", "tower", "garden", "roses", "bread", "market"],
  ...letters,
  ...letters.map((letter) => `##${letter}`),
]

/** A byte-pair encoding of at most 64 entries that spells words in lower-case letters. */
const smallBpe = trainBpe([letters.join(" "), letters.join(""), "the harbour tower", "quiet garden roses bread"], {
  size: 64,
  leastCount: 1,
})

export const writeVocabulary = (folder: string, pieces: ReadonlyArray<string> = smallVocabulary): void => {
  writeFileSync(join(folder, "vocab.txt"), pieces.map((piece) => `${piece}\n`).join(""))
}

export const writeBpe = (folder: string): void => {
  for (const name of ["tokenizer.json", "tokenizer_config.json"] as const) {
    writeFileSync(join(folder, name), smallBpe[name])
  }
}

/** A fixture's configuration and weights in a folder of the test's own, with a tokenizer that suits its family. */
export const smallModel = (fixture: string, name = fixture): string => {
  const folder = join(temporaryFolder("models"), name)
  for (const file of ["config.json", "model.safetensors"]) cpSync(join(fixtures, fixture, file), join(folder, file))
  if (fixture.startsWith("t5")) writeBpe(folder)
  else writeVocabulary(folder)
  return folder
}

/** Changes fields of a JSON file. */
export const amendJson = (path: string, fields: Readonly<Record<string, unknown>>): void => {
  const json: Readonly<Record<string, unknown>> = JSON.parse(readFileSync(path, "utf8"))
  writeFileSync(path, JSON.stringify({ ...json, ...fields }))
}

/** Rewrites a model's weights, each tensor's floats changed in place by its name. */
export const amendWeights = (
  folder: string,
  amend: (name: string, floats: Float32Array) => void,
  keeps: (name: string) => boolean = () => true,
): Promise<void> =>
  Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const path = join(folder, "model.safetensors")
        const weights = yield* openWeights(path)
        const tensors = yield* Effect.forEach([...weights.tensors.values()], ({ name, shape }) =>
          Effect.map(weights.floats(name), (floats) => {
            amend(name, floats)
            return { name, shape, dtype: "F32" as const, data: () => [floats] }
          }),
        )
        yield* writeSafetensors(
          path,
          tensors.filter(({ name }) => keeps(name)),
        )
      }),
    ),
  )

/** Repeats what a small BERT's feed-forward layers compute inside, to a width of 128, from which on `int8` multiplies in 8 bits. */
export const widened = (folder: string): Promise<string> =>
  Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const path = join(folder, "model.safetensors")
        const weights = yield* openWeights(path)
        const width = 128
        const tensors = yield* Effect.forEach([...weights.tensors.values()], ({ name, shape }) =>
          Effect.map(weights.floats(name), (floats) => {
            const [rows = 1, columns = 1] = shape
            const into = /intermediate\.dense\./.test(name)
            const outOf = /layer\.\d+\.output\.dense\.weight$/.test(name)
            const data =
              !into && !outOf
                ? floats
                : Float32Array.from({ length: (floats.length / (into ? rows : columns)) * width }, (_, i) =>
                    into
                      ? floats[i % floats.length]!
                      : (floats[Math.floor(i / width) * columns + ((i % width) % columns)]! * columns) / width,
                  )
            const widened = into ? [width, ...shape.slice(1)] : outOf ? [rows, width] : shape
            return { name, shape: widened, dtype: "F32" as const, data: () => [data] }
          }),
        )
        yield* writeSafetensors(path, tensors)
        amendJson(join(folder, "config.json"), { intermediate_size: width })
        return folder
      }),
    ),
  )
