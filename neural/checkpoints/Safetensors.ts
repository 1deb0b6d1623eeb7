import { createHash } from "node:crypto"
import { type FileHandle, open, readdir, readFile, rename, rm, stat } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { gitLfsPointer, longestPointer } from "../../schemas/index.ts"
import {
  type CheckpointError,
  CheckpointInvalid,
  CheckpointIo,
  DtypeUnsupported,
  TensorNotFound,
  TensorsMismatch,
  WeightsNotFound,
} from "./CheckpointError.ts"
import { bfloatToFloat, floatToBfloat, floatToHalf, halfToFloat } from "./HalfPrecision.ts"
import { type ExpectedTensor, matchTensors, type TensorMatch } from "./matchTensors.ts"
import {
  elements,
  type FloatDtype,
  headerLength,
  isFloatDtype,
  layOut,
  parseHeader,
  type SafetensorsHeader,
  type TensorHeading,
  type TensorPlace,
  type WrittenDtype,
} from "./SafetensorsHeader.ts"

/** A tensor of a checkpoint and the file that holds it. `offset` and `bytes` place it in that file. */
export interface StoredTensor extends TensorPlace {
  /** Absolute path. */
  readonly file: string
}

/** A part of a tensor, counted in elements of its flattened data. */
export interface Slice {
  readonly begin: number
  readonly end: number
}

/**
 * The weights of a checkpoint, open for reading: one file or several. Only the headers are in memory; data are read by
 * position into typed arrays, outside the JavaScript heap.
 */
export interface Weights {
  /** The folder or file that was opened. */
  readonly path: string
  /** By name, in the order of the files' names and places. */
  readonly tensors: ReadonlyMap<string, StoredTensor>
  readonly metadata: Readonly<Record<string, string>>
  /**
   * Reads a tensor, or a slice of it, as 32-bit floats (F16 and BF16 are widened, which is exact). With `into`, the floats
   * are written at its start and it is returned; it must be long enough.
   */
  readonly floats: (
    name: string,
    options?: { readonly slice?: Slice; readonly into?: Float32Array<ArrayBuffer> },
  ) => Effect.Effect<Float32Array<ArrayBuffer>, CheckpointError>
  /** Reads bytes of a tensor as they are stored, from `from` (bytes into the tensor) until `into` is full. */
  readonly bytes: (name: string, into: Uint8Array, from?: number) => Effect.Effect<void, CheckpointError>
}

/** Node reads at most 2 GiB − 1 in one call; and a smaller buffer serves conversion as well. */
const readAtMost = 2 ** 30
const convertAtMost = 2 ** 22

const io =
  (path: string, during: string) =>
  (cause: unknown): CheckpointIo =>
    new CheckpointIo({ path, during, cause })

const damaged = (path: string, problem: string, tensor?: string): CheckpointInvalid =>
  new CheckpointInvalid({
    path,
    problem,
    ...(tensor === undefined ? {} : { tensor }),
    remedy: "The file is damaged, incomplete or not safetensors: fetch or save it again.",
  })

/** The error for a file that a pointer of Git LFS stands for. */
const standIn = (path: string, start: Uint8Array | string): CheckpointInvalid | undefined => {
  const pointer = gitLfsPointer(start)
  return pointer && new CheckpointInvalid({ path, ...pointer })
}

/** Fills `target` from a position of a file; fails when the file ends before. */
const readFully = async (handle: FileHandle, path: string, target: Uint8Array, position: number): Promise<void> => {
  let done = 0
  while (done < target.length) {
    const { bytesRead } = await handle.read(target, done, Math.min(readAtMost, target.length - done), position + done)
    if (bytesRead === 0) throw damaged(path, `the file ended at byte ${position + done}, while it was being read`)
    done += bytesRead
  }
}

const asCheckpointError =
  (path: string, during: string) =>
  (cause: unknown): CheckpointError =>
    cause instanceof CheckpointInvalid ? cause : io(path, during)(cause)

const readHeader = (handle: FileHandle, path: string): Effect.Effect<SafetensorsHeader, CheckpointError> =>
  Effect.gen(function* () {
    const attempt = <A>(body: () => Promise<A>) =>
      Effect.tryPromise({ try: body, catch: asCheckpointError(path, "reading the header") })
    const { size } = yield* attempt(() => handle.stat())
    if (size <= longestPointer) {
      const whole = new Uint8Array(size)
      yield* attempt(() => readFully(handle, path, whole, 0))
      const pointer = standIn(path, whole)
      if (pointer !== undefined) return yield* pointer
    }
    const prefix = new Uint8Array(Math.min(8, size))
    yield* attempt(() => readFully(handle, path, prefix, 0))
    const length = headerLength(prefix, size)
    if (typeof length !== "number") return yield* damaged(path, length.problem, length.tensor)
    const json = new Uint8Array(length)
    yield* attempt(() => readFully(handle, path, json, 8))
    const header = parseHeader(json, size)
    return "problem" in header ? yield* damaged(path, header.problem, header.tensor) : header
  })

const ShardIndex = Schema.parseJson(
  Schema.Struct({
    weight_map: Schema.Record({ key: Schema.String, value: Schema.String }),
    metadata: Schema.optional(Schema.Unknown),
  }),
)

/** Weights in formats that can run code, or that belong to other frameworks; never read. */
const pickleName = /\.(?:bin|pt|pth|ckpt|pkl|pickle|h5|msgpack)$/u

/** The files that hold a checkpoint's weights, and, where an index names them, which file each tensor should be in. */
interface Layout {
  readonly files: ReadonlyArray<string>
  readonly index: Readonly<Record<string, string>> | undefined
}

const readIndex = (path: string): Effect.Effect<Layout, CheckpointError> =>
  Effect.gen(function* () {
    const text = yield* Effect.tryPromise({ try: () => readFile(path, "utf8"), catch: io(path, "reading") })
    const pointer = standIn(path, text)
    if (pointer !== undefined) return yield* pointer
    const index = yield* Schema.decodeUnknown(ShardIndex)(text).pipe(
      Effect.mapError((cause) => damaged(path, `it is not an index of shards: ${cause.message}`)),
    )
    const files = [...new Set(Object.values(index.weight_map))].sort()
    for (const file of files)
      if (basename(file) !== file || file === "" || file === "." || file === "..")
        return yield* damaged(path, `it names a shard outside its own folder: ${JSON.stringify(file)}`)
    const there = yield* Effect.tryPromise({ try: () => readdir(dirname(path)), catch: io(path, "listing") })
    const absent = files.filter((file) => !there.includes(file))
    if (absent.length > 0) {
      return yield* new CheckpointInvalid({
        path,
        problem: `it names ${files.length} shards, of which ${absent.length === 1 ? "one is" : `${absent.length} are`} not there: ${absent.slice(0, 6).join(", ")}${absent.length > 6 ? ", …" : ""}`,
        remedy: "Fetch what is missing, from the repository that the others come from.",
      })
    }
    return { files: files.map((file) => join(dirname(path), file)), index: index.weight_map }
  })

const findLayout = (path: string): Effect.Effect<Layout, CheckpointError> =>
  Effect.gen(function* () {
    const info = yield* Effect.tryPromise({ try: () => stat(path), catch: io(path, "opening") })
    if (info.isFile()) {
      if (path.endsWith(".index.json")) return yield* readIndex(path)
      if (pickleName.test(path)) return yield* new WeightsNotFound({ path: dirname(path), pickles: [basename(path)] })
      return { files: [path], index: undefined }
    }
    const names = yield* Effect.tryPromise({ try: () => readdir(path), catch: io(path, "listing") })
    if (names.includes("model.safetensors")) return { files: [join(path, "model.safetensors")], index: undefined }
    if (names.includes("model.safetensors.index.json"))
      return yield* readIndex(join(path, "model.safetensors.index.json"))
    return yield* new WeightsNotFound({ path, pickles: names.filter((name) => pickleName.test(name)).sort() })
  })

const openFile = (path: string): Effect.Effect<FileHandle, CheckpointError, Scope.Scope> =>
  Effect.acquireRelease(Effect.tryPromise({ try: () => open(path, "r"), catch: io(path, "opening") }), (handle) =>
    Effect.promise(() => handle.close()),
  )

/**
 * Opens the weights of a checkpoint: a folder in Hugging Face layout (`model.safetensors`, or
 * `model.safetensors.index.json` with its shards), a safetensors file, or an index. Headers are read and checked now; the
 * files stay open until the scope closes.
 */
export const openWeights = (path: string): Effect.Effect<Weights, CheckpointError, Scope.Scope> =>
  Effect.gen(function* () {
    const layout = yield* findLayout(path)
    const tensors = new Map<string, StoredTensor>()
    const handles = new Map<string, FileHandle>()
    const metadata: Record<string, string> = {}
    for (const file of layout.files) {
      const handle = yield* openFile(file)
      handles.set(file, handle)
      const header = yield* readHeader(handle, file)
      Object.assign(metadata, header.metadata)
      for (const place of header.tensors) {
        const other = tensors.get(place.name)
        if (other !== undefined)
          return yield* damaged(file, `the tensor is in ${basename(other.file)} as well`, place.name)
        tensors.set(place.name, { ...place, file })
      }
    }
    for (const [name, file] of Object.entries(layout.index ?? {})) {
      const tensor = tensors.get(name)
      if (tensor === undefined || basename(tensor.file) !== file)
        return yield* damaged(
          join(dirname(layout.files[0] ?? path), file),
          "the index places a tensor here that is not",
          name,
        )
    }

    const find = (name: string): Effect.Effect<StoredTensor, TensorNotFound> =>
      Option.match(Option.fromNullable(tensors.get(name)), {
        onNone: () => Effect.fail(new TensorNotFound({ path, tensor: name, available: tensors.size })),
        onSome: (tensor) => Effect.succeed(tensor),
      })

    const readInto = (tensor: StoredTensor, target: Uint8Array, from: number): Promise<void> => {
      const handle = handles.get(tensor.file)
      if (handle === undefined) throw new Error(`${tensor.file} is not open`)
      if (from < 0 || from + target.length > tensor.bytes)
        throw new RangeError(
          `bytes ${from} to ${from + target.length} of tensor ${tensor.name}, which has ${tensor.bytes}`,
        )
      return readFully(handle, tensor.file, target, tensor.offset + from)
    }

    const readFloats = async (
      tensor: StoredTensor,
      dtype: FloatDtype,
      slice: Slice,
      into: Float32Array<ArrayBuffer>,
    ): Promise<void> => {
      const count = slice.end - slice.begin
      if (dtype === "F32") {
        await readInto(tensor, new Uint8Array(into.buffer, into.byteOffset, count * 4), slice.begin * 4)
        return
      }
      const convert = dtype === "F16" ? halfToFloat : bfloatToFloat
      const buffer = new Uint16Array(Math.min(count, convertAtMost))
      for (let done = 0; done < count; done += buffer.length) {
        const part = buffer.subarray(0, Math.min(buffer.length, count - done))
        await readInto(tensor, new Uint8Array(part.buffer, 0, part.byteLength), (slice.begin + done) * 2)
        convert(part, into.subarray(done, done + part.length))
      }
    }

    const floats: Weights["floats"] = (name, options = {}) =>
      Effect.gen(function* () {
        const tensor = yield* find(name)
        const dtype = tensor.dtype
        if (!isFloatDtype(dtype)) return yield* new DtypeUnsupported({ path: tensor.file, tensor: name, dtype })
        const slice = options.slice ?? { begin: 0, end: elements(tensor.shape) }
        const into = options.into ?? new Float32Array(slice.end - slice.begin)
        if (into.length < slice.end - slice.begin)
          return yield* Effect.dieMessage(`${slice.end - slice.begin} floats of ${name} do not fit into ${into.length}`)
        yield* Effect.tryPromise({
          try: () => readFloats(tensor, dtype, slice, into),
          catch: asCheckpointError(tensor.file, `reading tensor ${name}`),
        })
        return into
      })

    const bytes: Weights["bytes"] = (name, into, from = 0) =>
      Effect.flatMap(find(name), (tensor) =>
        Effect.tryPromise({
          try: () => readInto(tensor, into, from),
          catch: asCheckpointError(tensor.file, `reading tensor ${name}`),
        }),
      )

    return { path, tensors, metadata, floats, bytes }
  })

/**
 * The tensors of a checkpoint that an architecture needs, or an error that names every one that is missing, extra or of
 * another shape. `ignore` accepts names that may be there without being used (a decoder's, position ids).
 */
export const requireTensors = (
  weights: Weights,
  expectedBy: string,
  expected: ReadonlyArray<ExpectedTensor>,
  ignore?: (name: string) => boolean,
): Effect.Effect<TensorMatch<StoredTensor>["found"], TensorsMismatch> => {
  const { found, missing, extra, misshaped } = matchTensors(expected, weights.tensors, ignore)
  return missing.length + extra.length + misshaped.length === 0
    ? Effect.succeed(found)
    : Effect.fail(new TensorsMismatch({ path: weights.path, expectedBy, missing, extra, misshaped }))
}

/** Elements of a tensor to be written: floats, or 8-bit numbers as they are stored. */
export type WrittenPart = Float32Array | Int8Array | Uint8Array

/** A tensor to be written. `data` yields its elements in order, in parts of any length; it is consumed once. */
export interface WrittenTensor extends TensorHeading {
  readonly data: () => Iterable<WrittenPart> | AsyncIterable<WrittenPart>
}

const narrow = (dtype: WrittenDtype, part: WrittenPart): Uint8Array => {
  if (dtype === "F32" || !(part instanceof Float32Array))
    return new Uint8Array(part.buffer, part.byteOffset, part.byteLength)
  const narrowed = new Uint16Array(part.length)
  if (dtype === "F16") floatToHalf(part, narrowed)
  else floatToBfloat(part, narrowed)
  return new Uint8Array(narrowed.buffer)
}

const writeAll = async (
  path: string,
  handle: FileHandle,
  tensors: ReadonlyArray<WrittenTensor>,
  metadata: Readonly<Record<string, string>>,
): Promise<string> => {
  const hash = createHash("sha256")
  const write = async (bytes: Uint8Array): Promise<void> => {
    hash.update(bytes)
    for (let done = 0; done < bytes.length; )
      done += (await handle.write(bytes, done, Math.min(readAtMost, bytes.length - done))).bytesWritten
  }
  const { header, ordered } = layOut(tensors, metadata)
  await write(header)
  for (const tensor of ordered) {
    let count = 0
    for await (const part of tensor.data()) {
      for (let begin = 0; begin < part.length; begin += convertAtMost)
        await write(narrow(tensor.dtype, part.subarray(begin, begin + convertAtMost)))
      count += part.length
    }
    if (count !== elements(tensor.shape))
      throw new CheckpointInvalid({
        path,
        tensor: tensor.name,
        problem: `[${tensor.shape.join(", ")}] needs ${elements(tensor.shape)} values, but ${count} were given`,
        remedy: "This is a mistake in the code that writes the checkpoint.",
      })
  }
  await handle.sync()
  return hash.digest("hex")
}

/**
 * Writes tensors as one safetensors file, part by part. The bytes depend on names, dtypes, shapes, values and metadata only,
 * not on the order of `tensors`. The file appears whole or not at all. Gives the SHA-256 of the file. The metadata
 * `format: pt` are what `transformers` asks for before it loads a file.
 */
export const writeSafetensors = (
  path: string,
  tensors: ReadonlyArray<WrittenTensor>,
  metadata: Readonly<Record<string, string>> = { format: "pt" },
): Effect.Effect<string, CheckpointError> => {
  const partial = `${path}.partial`
  return Effect.acquireUseRelease(
    Effect.tryPromise({ try: () => open(partial, "w"), catch: io(partial, "creating") }),
    (handle) =>
      Effect.tryPromise({
        try: () => writeAll(path, handle, tensors, metadata),
        catch: asCheckpointError(path, "writing"),
      }),
    (handle) => Effect.promise(() => handle.close()),
  ).pipe(
    Effect.tap(() => Effect.tryPromise({ try: () => rename(partial, path), catch: io(path, "renaming") })),
    Effect.tapErrorCause(() => Effect.promise(() => rm(partial, { force: true }))),
  )
}
