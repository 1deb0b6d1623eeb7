import { readFile } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Onnx, scorerInterface } from "../../neural/index.ts"
import { causeText, gitLfsPointer } from "../../schemas/index.ts"
import { ModelFileFailed, ModelUnsuitable } from "./ModelError.ts"

/** A model's files, where they are, and what is to be made of them. */
export interface ModelFolder {
  readonly folder: string
  /** Relative names, sorted. */
  readonly files: ReadonlyArray<string>
  /** The ready graph's file, where one was named. */
  readonly graph: string | undefined
  /** In words, for the card. */
  readonly origin: string
}

/** The ready graph that is to be taken: where none was named and there are safetensors, none. */
export const readyGraph = ({ files, graph }: ModelFolder): string | undefined =>
  graph ??
  (files.some((name) => name.startsWith("model") && name.includes(".safetensors"))
    ? undefined
    : files.find((name) => name.endsWith("model.onnx")))

export const fileError =
  (path: string) =>
  (cause: unknown): ModelFileFailed =>
    new ModelFileFailed({ path, why: causeText(cause) })

export const attempt = <A>(path: string, body: () => Promise<A>): Effect.Effect<A, ModelFileFailed> =>
  Effect.tryPromise({ try: body, catch: fileError(path) })

/** Reads a JSON file of the folder, if it has it. */
export const readJson = <A, I>(
  { files, folder }: ModelFolder,
  name: string,
  schema: Schema.Schema<A, I>,
): Effect.Effect<A | undefined, ModelFileFailed> => {
  if (!files.includes(name)) return Effect.succeed(undefined)
  const path = join(folder, name)
  return Effect.flatMap(
    attempt(path, () => readFile(path, "utf8")),
    (text) => {
      const pointer = gitLfsPointer(text)
      if (pointer !== undefined) return Effect.fail(fileError(path)(new Error(`${pointer.problem}. ${pointer.remedy}`)))
      return Effect.mapError(Schema.decode(Schema.parseJson(schema))(text), fileError(path))
    },
  )
}

/** What onnxruntime's Sigmoid does to an order, measured with onnxruntime-node 1.30.0 on a CPU. */
const sigmoidAtTheEnd = (output: string): string =>
  `its output ${output} is a sigmoid, of which onnxruntime on a CPU makes 0 for logits from about −16 down, and which it does not always let grow: scores may tie or change places. Export the graph without it: the order is that of the logits`

/** What a ready graph declares, once its inputs and output are those of a cross-encoder; and what to warn of. */
export const readGraph = (source: ModelFolder, graph: string, name: string) =>
  Effect.gen(function* () {
    const path = join(source.folder, graph)
    const declared = yield* Effect.try({ try: () => Onnx.readInterfaceFile(path), catch: fileError(path) })
    const described = (values: ReadonlyArray<Onnx.DeclaredValue>) =>
      values.map(({ name, type, shape }) => ({ name, type, shape: shape ?? ["?"] }))
    const { output } = yield* scorerInterface(path, described(declared.inputs), described(declared.outputs))
    const width = output.shape[1]
    if (typeof width === "number" && width > 1) {
      return yield* new ModelUnsuitable({
        model: name,
        problem: `its output ${output.name} has ${width} numbers for each text, and which is the score is not said`,
        remedy: "Export it with one output, or give the checkpoint as safetensors with its config.json.",
      })
    }
    const warnings = declared.computedBy.get(output.name) === "Sigmoid" ? [sigmoidAtTheEnd(output.name)] : []
    return { declared, path, warnings }
  })
