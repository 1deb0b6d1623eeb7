import * as Effect from "effect/Effect"
import { openVectorTable, vectorTableWriter } from "../../neural/index.ts"
import { temporaryFolder } from "./storedTable.ts"

/** Vectors by the names of their texts. */
export type NamedVectors = ReadonlyArray<readonly [name: string, vector: ReadonlyArray<number>]>

/** Writes a table of vectors into a folder of the test's own. */
export const writeVectors = (vectors: NamedVectors, dimensions = vectors[0]?.[1].length ?? 1) =>
  Effect.scoped(
    Effect.gen(function* () {
      const folder = temporaryFolder("vectors")
      const nameOf = (text: number): string => vectors[text]?.[0] ?? ""
      const writer = yield* vectorTableWriter(folder, { texts: vectors.length, dimensions, nameOf })
      const all = Float32Array.from(vectors.flatMap(([, vector]) => [...vector]))
      yield* writer.put([...vectors.keys()], all)
      yield* writer.finish
      return folder
    }),
  )

/** Writes a table of vectors and opens it. */
export const vectorTable = (vectors: NamedVectors, dimensions?: number) =>
  Effect.flatMap(writeVectors(vectors, dimensions), openVectorTable)
