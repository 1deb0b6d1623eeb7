import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { vectorTableWriter } from "../../../neural/index.ts"
import { causeText } from "../../../schemas/index.ts"
import type { VectorFileConfig } from "../contract.ts"
import { VectorFileUnusable } from "../RetrieveError.ts"
import { npyRows } from "./npyRows.ts"
import { parquetVectors } from "./parquetVectors.ts"
import { unusable } from "./VectorRows.ts"

/** Texts whose vectors are wanted, by their places. */
export interface WantedTexts {
  readonly id: "docid" | "qid"
  readonly texts: number
  readonly nameOf: (text: number) => string
  /** A text's place; `none` where the collection does not have it, `unasked` where its vector is not wanted. */
  readonly find: (id: string) => number | "none" | "unasked"
}

const rowsOf = (
  { file, ids }: VectorFileConfig,
  folders: ReadonlyArray<{ readonly path: string }>,
  id: WantedTexts["id"],
) => {
  const [of, idsOf] = folders.map(({ path }) => path)
  const path = join(of ?? "", file)
  if (ids === undefined) return parquetVectors(path, file, id)
  return Stream.fromAsyncIterable(npyRows({ path, file, idsPath: join(idsOf ?? "", ids), idsFile: ids }), (cause) =>
    cause instanceof VectorFileUnusable ? cause : unusable(file, 0, causeText(cause), "Check the file."),
  )
}

/** Stores a file's vectors in the order of the texts: each text's, once. */
export const storeVectors = (
  config: VectorFileConfig,
  folders: ReadonlyArray<{ readonly path: string }>,
  output: string,
  { find, id, nameOf, texts }: WantedTexts,
  progress: (done: number) => void,
) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { file, similarity } = config
      const seen = new Uint8Array(texts)
      let stored = 0
      let read = 0
      let dimensions = 0
      let writer: Effect.Effect.Success<ReturnType<typeof vectorTableWriter>> | undefined
      yield* Stream.runForEach(rowsOf(config, folders, id), ({ dimensions: width, ids, vectors }) =>
        Effect.gen(function* () {
          if (ids.length === 0) return
          dimensions = width
          writer ??= yield* vectorTableWriter(output, { texts, dimensions, nameOf })
          for (const [at, name] of ids.entries()) {
            const row = ++read
            const wrong = (problem: string, remedy: string) => unusable(file, row, `${problem} (${id} ${name})`, remedy)
            const text = find(name)
            if (text === "none")
              return yield* wrong("the collection has no such text", "Give the vectors of this collection.")
            const vector = vectors.subarray(at * width, (at + 1) * width)
            let square = 0
            for (let i = 0; i < width; i++) square += vector[i]! * vector[i]!
            const length = Math.sqrt(square)
            if (!Number.isFinite(length)) {
              return yield* wrong("its vector has a number that is none, or one too great", "Check the model.")
            }
            if (length === 0) return yield* wrong("its vector is zero, which is near to nothing", "Check the model.")
            if (text === "unasked") continue
            if (seen[text] === 1) return yield* wrong("it comes a second time", "Give each text one vector.")
            seen[text] = 1
            stored++
            if (similarity === "cosine") for (let i = 0; i < width; i++) vector[i] = vector[i]! / length
            yield* writer.put([text], vector)
          }
          progress(stored)
        }),
      )
      const missing = texts - stored
      if (missing > 0 || writer === undefined) {
        const example = nameOf(seen.indexOf(0))
        const problem = `${missing} of ${texts} texts have no vector, such as ${id} ${example}`
        const remedy =
          id === "qid" ? "Add them, or set retrieve.splits to the splits that the file is of." : "Add them."
        return yield* unusable(file, 0, problem, remedy)
      }
      yield* writer.finish
      return { rows: { vectors: texts }, facts: { texts, dimensions, similarity } }
    }),
  )
