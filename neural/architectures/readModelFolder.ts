import { readFile } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { causeText, InputSpec, inputFile, ModelCard, modelFiles } from "../../schemas/index.ts"

/** What rankdag wrote beside a model or a tokenizer is absent or damaged. */
export class ModelFolderInvalid extends Schema.TaggedError<ModelFolderInvalid>()("ModelFolderInvalid", {
  path: Schema.String,
  why: Schema.String,
}) {
  override get message(): string {
    return `${this.path}: ${this.why}. Make the model's artifact again: --force model`
  }
}

const readJson = <A, I>(path: string, schema: Schema.Schema<A, I>): Effect.Effect<A, ModelFolderInvalid> =>
  Effect.tryPromise({
    try: () => readFile(path, "utf8"),
    catch: (cause) => new ModelFolderInvalid({ path, why: causeText(cause) }),
  }).pipe(
    Effect.flatMap((text) =>
      Effect.mapError(
        Schema.decode(Schema.parseJson(schema))(text),
        (error) => new ModelFolderInvalid({ path, why: error.message }),
      ),
    ),
  )

/** Reads the card in the folder of a `Kinds.Model`. */
export const readModelCard = (folder: string): Effect.Effect<ModelCard, ModelFolderInvalid> =>
  readJson(join(folder, modelFiles.card), ModelCard)

/** Reads how inputs are made, in the folder of a `Kinds.Tokenizer`. */
export const readInputSpec = (folder: string): Effect.Effect<InputSpec, ModelFolderInvalid> =>
  readJson(join(folder, inputFile), InputSpec)
