/**
 * The vectors of a collection's passages or queries, in its order. In the folder: `vectors.f32` (a row a text, little-endian 32-bit
 * floats), `norms.f32` (the length of each), `names` (a qid or docid a line) and `vectors.json`. The bytes are a function of the
 * vectors and names alone.
 */
import { closeSync, fstatSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { causeText } from "../../schemas/index.ts"
import { NameBlocks, nameStarts } from "./NameBlocks.ts"
import { readWhole } from "./readWhole.ts"
import { VectorTableError, VectorUnusable } from "./VectorError.ts"

const VectorsHeader = Schema.Struct({
  form: Schema.Literal(1),
  texts: Schema.NonNegativeInt,
  dimensions: Schema.Int.pipe(Schema.positive()),
  /** The length of the longest vector. */
  greatestNorm: Schema.Number.pipe(Schema.finite(), Schema.nonNegative()),
})

const headerFile = "vectors.json"
const vectorsFile = "vectors.f32"
const namesFile = "names"
const normsFile = "norms.f32"

/** Above this the product of two vectors could pass what 32 bits hold. */
const longest = 1e18

/** Names in one write. */
const namesAtOnce = 2 ** 16

const asBytes = (floats: Float32Array): Uint8Array =>
  new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength)

const writeWhole = (file: number, bytes: Uint8Array, at: number): void => {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done, bytes.length - done, at + done)
}

const opened = (path: string, flags: "r" | "w", during: "reading" | "writing") =>
  Effect.acquireRelease(
    Effect.try({
      try: () => openSync(path, flags),
      catch: (cause) => new VectorTableError({ path, during, why: causeText(cause) }),
    }),
    (file) => Effect.sync(() => closeSync(file)),
  )

/** A table of vectors that is being written. */
export interface VectorTableWriter {
  /** Puts vectors, one behind another, at the places of their texts, in any order. */
  readonly put: (
    texts: ArrayLike<number>,
    vectors: Float32Array,
  ) => Effect.Effect<void, VectorTableError | VectorUnusable>
  /** Writes the rest, once every text has its vector. */
  readonly finish: Effect.Effect<void, VectorTableError>
}

/** Opens a table for writing into an empty folder; closed with the scope. Memory holds 4 bytes a text. */
export const vectorTableWriter = (
  folder: string,
  {
    dimensions,
    nameOf,
    texts,
  }: { readonly texts: number; readonly dimensions: number; readonly nameOf: (text: number) => string },
): Effect.Effect<VectorTableWriter, VectorTableError, Scope.Scope> =>
  Effect.gen(function* () {
    const path = join(folder, vectorsFile)
    const file = yield* opened(path, "w", "writing")
    const norms = new Float32Array(texts)
    const writing = <A>(write: () => A): Effect.Effect<A, VectorTableError> =>
      Effect.try({
        try: write,
        catch: (cause) => new VectorTableError({ path, during: "writing", why: causeText(cause) }),
      })
    return {
      put: (places, vectors) =>
        Effect.gen(function* () {
          for (let at = 0; at < places.length; at++) {
            const text = places[at]!
            const vector = vectors.subarray(at * dimensions, (at + 1) * dimensions)
            let square = 0
            for (let i = 0; i < dimensions; i++) square += vector[i]! * vector[i]!
            const norm = Math.sqrt(square)
            if (!(norm > 0) || norm > longest) {
              const why =
                norm === 0 ? "is zero" : norm > longest ? `has the length ${norm}` : "has a number that is none"
              return yield* new VectorUnusable({ name: nameOf(text), why })
            }
            norms[text] = norm
          }
          yield* writing(() => {
            for (let at = 0; at < places.length; ) {
              let end = at + 1
              while (end < places.length && places[end] === places[end - 1]! + 1) end++
              const run = vectors.subarray(at * dimensions, end * dimensions)
              writeWhole(file, asBytes(run), places[at]! * dimensions * 4)
              at = end
            }
          })
        }),
      finish: writing(() => {
        let greatestNorm = 0
        for (const norm of norms) greatestNorm = Math.max(greatestNorm, norm)
        writeFileSync(join(folder, normsFile), asBytes(norms))
        writeFileSync(join(folder, namesFile), "")
        for (let from = 0; from < texts; from += namesAtOnce) {
          const names = Array.from({ length: Math.min(namesAtOnce, texts - from) }, (_, i) => `${nameOf(from + i)}\n`)
          writeFileSync(join(folder, namesFile), names.join(""), { flag: "a" })
        }
        writeFileSync(join(folder, headerFile), `${JSON.stringify({ form: 1, texts, dimensions, greatestNorm })}\n`)
      }),
    }
  })

/** A table of vectors on the disk; texts are known by their place. */
export interface VectorTable {
  readonly folder: string
  readonly texts: number
  readonly dimensions: number
  /** The length of the longest vector. */
  readonly greatestNorm: number
  readonly nameOf: (text: number) => string
  /** Less than 0 where the first text's name comes first by its UTF-8 bytes. */
  readonly compareNames: (a: number, b: number) => number
  /** Where names lie in their file, for another thread that opens the table. */
  readonly nameStarts: Float64Array
  /** Reads vectors from a text's on, until `into` is full. Throws where the file ends before. */
  readonly read: (into: Float32Array, from: number) => void
}

/**
 * Opens a table; closed with the scope. Memory holds some of the names.
 *
 * @param shared where the names lie, when another thread has found out
 */
export const openVectorTable = (
  folder: string,
  shared?: Float64Array,
): Effect.Effect<VectorTable, VectorTableError, Scope.Scope> =>
  Effect.gen(function* () {
    const path = join(folder, vectorsFile)
    const file = yield* opened(path, "r", "reading")
    const namesPath = join(folder, namesFile)
    const nameLines = yield* opened(namesPath, "r", "reading")
    return yield* Effect.try({
      try: () => {
        const text = readFileSync(join(folder, headerFile), "utf8")
        const { dimensions, greatestNorm, texts } = Schema.decodeUnknownSync(Schema.parseJson(VectorsHeader))(text)
        const { size } = fstatSync(file)
        if (size !== texts * dimensions * 4) {
          throw new Error(`it has ${size} bytes, not those of ${texts} vectors of ${dimensions} numbers`)
        }
        const starts = shared ?? nameStarts(nameLines, texts)
        const names = new NameBlocks(nameLines, texts, starts)
        return {
          folder,
          texts,
          dimensions,
          greatestNorm,
          nameStarts: starts,
          nameOf: (place) => names.bytesOf(place).toString(),
          compareNames: (a, b) => names.bytesOf(a).compare(names.bytesOf(b)),
          read: (into, from) => readWhole(file, asBytes(into), from * dimensions * 4),
        } satisfies VectorTable
      },
      catch: (cause) => new VectorTableError({ path, during: "reading", why: causeText(cause) }),
    })
  })
