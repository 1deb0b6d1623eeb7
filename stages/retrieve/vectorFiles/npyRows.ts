import { closeSync, fstatSync, openSync, readFileSync, readSync } from "node:fs"
import { halfToFloat } from "../../../neural/index.ts"
import { rowsAtOnce, unusable, type VectorRows } from "./VectorRows.ts"

/** A file of NumPy's and the file of whose vectors they are: paths, and what they are called in errors. */
export interface NpyFiles {
  readonly path: string
  readonly file: string
  readonly idsPath: string
  readonly idsFile: string
}

interface NpyHeader {
  readonly half: boolean
  readonly rows: number
  readonly dimensions: number
  /** Bytes before the numbers. */
  readonly start: number
}

const magic = "\x93NUMPY"
const saving = "Write it as numpy.save(file, vectors.astype('float32')) of an array [n, dimensions]."

/** Longer headers are of no array of numbers. */
const longestHeader = 2 ** 16

const readAt = (file: number, bytes: Uint8Array, at: number): number => {
  let done = 0
  while (done < bytes.length) {
    const read = readSync(file, bytes, done, bytes.length - done, at + done)
    if (read === 0) break
    done += read
  }
  return done
}

/** The header of NumPy's format 1, 2 or 3 (numpy.lib.format): a dictionary as Python writes it. */
const readHeader = (file: number, name: string): NpyHeader => {
  const first = Buffer.alloc(12)
  const read = readAt(file, first, 0)
  const [major = 0] = first.subarray(6)
  if (read < 12 || first.toString("latin1", 0, 6) !== magic || major < 1 || major > 3) {
    throw unusable(name, 0, "it is no .npy file", saving)
  }
  const at = major === 1 ? 10 : 12
  const length = major === 1 ? first.readUInt16LE(8) : first.readUInt32LE(8)
  const text = Buffer.alloc(Math.min(length, longestHeader))
  if (length > longestHeader || readAt(file, text, at) < length) {
    throw unusable(name, 0, "its header is cut short", "Copy it again.")
  }
  const header = text.toString("latin1")
  const type = /'descr':\s*'([^']*)'/.exec(header)?.[1] ?? "a record"
  if (type !== "<f4" && type !== "<f2") {
    throw unusable(name, 0, `its numbers are ${type}, not <f4 (float32) or <f2 (float16)`, saving)
  }
  if (!/'fortran_order':\s*False/.test(header)) {
    throw unusable(name, 0, "it lies column by column (fortran_order)", "Write numpy.ascontiguousarray of it.")
  }
  const shape = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1] ?? ""
  const [rows, dimensions, ...more] = shape
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "")
    .map(Number)
  const isMatrix = Number.isSafeInteger(rows) && Number.isSafeInteger(dimensions) && more.length === 0
  if (rows === undefined || dimensions === undefined || dimensions < 1 || !isMatrix) {
    throw unusable(name, 0, `its shape is (${shape}), not (n, dimensions)`, saving)
  }
  const start = at + length
  const half = type === "<f2"
  const { size } = fstatSync(file)
  const wanted = start + rows * dimensions * (half ? 2 : 4)
  if (size !== wanted) {
    const problem = `it has ${size} bytes, and ${rows} vectors of ${dimensions} numbers take ${wanted}`
    throw unusable(name, 0, problem, "Copy or write it again.")
  }
  return { half, rows, dimensions, start }
}

/** The lines of a file of ids. */
const linesOf = (path: string): ReadonlyArray<string> => {
  const lines = readFileSync(path, "utf8").split(/\r?\n/)
  if (lines.at(-1) === "") lines.pop()
  return lines
}

/**
 * The vectors of a matrix that `numpy.save` wrote, float32 or float16, of the ids that another file has, one a line.
 *
 * @throws VectorFileUnusable
 */
export async function* npyRows({ file: name, idsFile, idsPath, path }: NpyFiles): AsyncGenerator<VectorRows> {
  const file = openSync(path, "r")
  try {
    const { dimensions, half, rows, start } = readHeader(file, name)
    const ids = linesOf(idsPath)
    if (ids.length !== rows) {
      const problem = `it has ${ids.length} lines, and ${name} ${rows} vectors`
      throw unusable(idsFile, 0, problem, "Write an id a line, in the order of the vectors.")
    }
    for (let from = 0; from < rows; from += rowsAtOnce) {
      const count = Math.min(rowsAtOnce, rows - from)
      const vectors = new Float32Array(count * dimensions)
      const stored = half ? new Uint16Array(vectors.length) : vectors
      const bytes = new Uint8Array(stored.buffer)
      if (readAt(file, bytes, start + from * dimensions * stored.BYTES_PER_ELEMENT) < bytes.length) {
        throw unusable(name, from + 1, "it ends before", "Copy it again.")
      }
      if (stored instanceof Uint16Array) halfToFloat(stored, vectors)
      yield { ids: ids.slice(from, from + count), vectors, dimensions }
    }
  } finally {
    closeSync(file)
  }
}
