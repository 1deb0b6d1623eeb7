import { type FileHandle, open, rename, rm } from "node:fs/promises"
import { dirname, join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { causeText } from "../../schemas/index.ts"
import type { Graph } from "./Graph.ts"
import { encodeModel, type WeightPlace } from "./Model.ts"
import type { Hole, Pieces } from "./Protobuf.ts"

/** A model file could not be written. */
export class ModelWriteFailed extends Schema.TaggedError<ModelWriteFailed>()("ModelWriteFailed", {
  path: Schema.String,
  cause: Schema.Defect,
}) {
  override get message(): string {
    return `${this.path} cannot be written: ${causeText(this.cause)}`
  }
}

/** Reads a slice of a weight, counted in elements, into the start of an array. */
export type ReadWeight<E> = (
  parameter: string,
  slice: { readonly begin: number; readonly end: number },
  into: Float32Array<ArrayBuffer>,
) => Effect.Effect<unknown, E>

/** As many floats of a weight are in memory at once. */
const atOnce = 2 ** 22

/**
 * Up to this many bytes in all, weights that may lie anywhere lie in the model file. Those outside are mapped into memory;
 * those inside are copied twice while a session opens.
 */
const insideAtMost = 2 ** 28

const writeHole = <E>(
  hole: Hole,
  read: ReadWeight<E>,
  buffer: Float32Array<ArrayBuffer>,
  write: (bytes: Uint8Array) => Effect.Effect<void, ModelWriteFailed>,
): Effect.Effect<void, E | ModelWriteFailed> =>
  Effect.gen(function* () {
    const elements = hole.byteLength / 4
    for (let begin = 0; begin < elements; begin += buffer.length) {
      const end = Math.min(elements, begin + buffer.length)
      const part = buffer.subarray(0, end - begin)
      yield* read(hole.parameter, { begin, end }, part)
      yield* write(new Uint8Array(part.buffer, part.byteOffset, part.byteLength))
    }
  })

/** Writes the pieces of a file; it appears whole or not at all. */
const writePieces = <E>(path: string, file: Pieces, read: ReadWeight<E>): Effect.Effect<void, E | ModelWriteFailed> => {
  const partial = `${path}.partial`
  const attempt = <A>(body: () => Promise<A>): Effect.Effect<A, ModelWriteFailed> =>
    Effect.tryPromise({ try: body, catch: (cause) => new ModelWriteFailed({ path, cause }) })
  const writer = (handle: FileHandle) => (bytes: Uint8Array) =>
    attempt(async () => {
      for (let done = 0; done < bytes.length; ) done += (await handle.write(bytes, done)).bytesWritten
    })
  return Effect.acquireUseRelease(
    attempt(() => open(partial, "w")),
    (handle) =>
      Effect.gen(function* () {
        const write = writer(handle)
        const buffer = new Float32Array(Math.min(atOnce, Math.ceil(file.byteLength / 4)))
        for (const piece of file.pieces()) {
          yield* "parameter" in piece ? writeHole(piece, read, buffer, write) : write(piece)
        }
        yield* attempt(() => handle.sync())
      }),
    (handle) => Effect.promise(() => handle.close()),
  ).pipe(
    Effect.zipRight(attempt(() => rename(partial, path))),
    Effect.tapErrorCause(() => Effect.promise(() => rm(partial, { force: true }))),
  )
}

/**
 * Writes a graph as `path`. Weights that go to a data file are written beside it first. They pass through one buffer,
 * whatever the model's size.
 */
export const writeModel = <E>(
  path: string,
  graph: Graph,
  place: WeightPlace,
  read: ReadWeight<E>,
): Effect.Effect<void, E | ModelWriteFailed> =>
  Effect.gen(function* () {
    const { data, model } = encodeModel(graph, place)
    if (data !== undefined && place.kind === "outside") yield* writePieces(join(dirname(path), place.file), data, read)
    yield* writePieces(path, model, read)
  })

/** Inside the model file where the weights are small enough, outside in `file` otherwise. */
export const placeBySize = (
  parameters: readonly { readonly shape: readonly number[] }[],
  file: string,
): WeightPlace => {
  const bytes = parameters.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 4), 0)
  return bytes <= insideAtMost ? { kind: "inside" } : { kind: "outside", file }
}
