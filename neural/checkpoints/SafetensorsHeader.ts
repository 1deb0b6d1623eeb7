import { causeText, isRecord } from "../../schemas/index.ts"

/**
 * The header of a safetensors file: eight bytes of length (little endian), then JSON that names each tensor's dtype, shape
 * and place. Parsed with distrust: everything a damaged or hostile file could claim is checked against the file's size
 * before a byte of data is read. Pure.
 */

/** Bits per element of every dtype that the format knows. */
const bitsPerElement: ReadonlyMap<string, number> = new Map([
  ["BOOL", 8],
  ["F4", 4],
  ["F6_E2M3", 6],
  ["F6_E3M2", 6],
  ["U8", 8],
  ["I8", 8],
  ["F8_E5M2", 8],
  ["F8_E4M3", 8],
  ["F8_E8M0", 8],
  ["F8_E4M3FNUZ", 8],
  ["F8_E5M2FNUZ", 8],
  ["I16", 16],
  ["U16", 16],
  ["F16", 16],
  ["BF16", 16],
  ["I32", 32],
  ["U32", 32],
  ["F32", 32],
  ["C64", 64],
  ["F64", 64],
  ["I64", 64],
  ["U64", 64],
])

/** The dtypes that are read as 32-bit floats. */
export type FloatDtype = "F32" | "F16" | "BF16"

export const isFloatDtype = (dtype: string): dtype is FloatDtype =>
  dtype === "F32" || dtype === "F16" || dtype === "BF16"

/** The dtypes that can be written: floats, and 8-bit whole numbers. */
export type WrittenDtype = FloatDtype | "I8" | "U8"

/** Bytes per element of a dtype that is written or read as 32-bit floats. */
export const floatBytes = (dtype: WrittenDtype): number => {
  if (dtype === "F32") return 4
  return dtype === "I8" || dtype === "U8" ? 1 : 2
}

/** The format's own limit on a header: 100 MB. */
export const maxHeaderBytes = 100_000_000

/** A tensor as the header describes it. */
export interface TensorPlace {
  readonly name: string
  /** As the file spells it: `F32`, `BF16`, `I64`… */
  readonly dtype: string
  readonly shape: ReadonlyArray<number>
  /** Offset of the first byte in the file (not in the data section). */
  readonly offset: number
  readonly bytes: number
}

export interface SafetensorsHeader {
  readonly tensors: ReadonlyArray<TensorPlace>
  readonly metadata: Readonly<Record<string, string>>
  /** Offset of the data section: eight bytes and the JSON. */
  readonly dataOffset: number
}

/** What is wrong with a header, as a sentence, and the tensor it is about. */
export interface HeaderProblem {
  readonly problem: string
  readonly tensor: string | undefined
}

export const elements = (shape: ReadonlyArray<number>): number => shape.reduce((product, size) => product * size, 1)

const problem = (text: string, tensor?: string): HeaderProblem => ({ problem: text, tensor })

const isSize = (value: unknown): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0

/** The length that the first eight bytes state, checked against the size of the file. */
export const headerLength = (prefix: Uint8Array, fileBytes: number): number | HeaderProblem => {
  if (fileBytes < 8 || prefix.length < 8)
    return problem(`the file has ${fileBytes} bytes; its header alone needs more than 8`)
  const length = new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true)
  if (length > BigInt(maxHeaderBytes))
    return problem(`the first eight bytes state a header of ${length} bytes, more than the format's ${maxHeaderBytes}`)
  const bytes = Number(length)
  if (8 + bytes > fileBytes)
    return problem(`the first eight bytes state a header of ${bytes} bytes, but the file has only ${fileBytes}`)
  if (bytes < 2) return problem(`the first eight bytes state a header of ${bytes} bytes, too short for JSON`)
  return bytes
}

/** The first name that stands twice in one object of valid JSON text (`JSON.parse` would keep the last in silence). */
const duplicateName = (json: string): string | undefined => {
  const open: Array<Set<string>> = []
  for (let at = 0; at < json.length; at++) {
    const char = json[at]
    if (char === "{") open.push(new Set())
    else if (char === "}") open.pop()
    else if (char === '"') {
      const begin = at
      for (at++; json[at] !== '"'; at++) if (json[at] === "\\") at++
      let after = at + 1
      while (json[after] === " " || json[after] === "\n" || json[after] === "\r" || json[after] === "\t") after++
      if (json[after] !== ":") continue
      const name: unknown = JSON.parse(json.slice(begin, at + 1))
      const names = open.at(-1)
      if (typeof name !== "string" || names === undefined) continue
      if (names.has(name)) return name
      names.add(name)
    }
  }
  return undefined
}

const parsePlace = (
  name: string,
  value: unknown,
  dataOffset: number,
  dataBytes: number,
): TensorPlace | HeaderProblem => {
  if (!isRecord(value)) return problem("its entry is not an object", name)
  const { dtype, shape, data_offsets: offsets } = value
  if (typeof dtype !== "string") return problem("its dtype is not a text", name)
  const bits = bitsPerElement.get(dtype)
  if (bits === undefined) return problem(`its dtype ${JSON.stringify(dtype)} is not one of the format's`, name)
  if (!Array.isArray(shape) || !shape.every(isSize)) return problem("its shape is not a list of sizes", name)
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize))
    return problem("its data_offsets are not two offsets", name)
  const [begin = 0, end = 0] = offsets
  if (begin > end) return problem(`it begins at ${begin} and ends before, at ${end}`, name)
  if (end > dataBytes) return problem(`it ends at ${end}, but the file holds ${dataBytes} bytes of data`, name)
  const expectedBits = elements(shape) * bits
  if (!Number.isSafeInteger(expectedBits)) return problem(`its shape [${shape.join(", ")}] is beyond any file`, name)
  if (expectedBits !== (end - begin) * 8)
    return problem(
      `${dtype} [${shape.join(", ")}] takes ${expectedBits / 8} bytes, but its place has ${end - begin}`,
      name,
    )
  return { name, dtype, shape, offset: dataOffset + begin, bytes: end - begin }
}

/**
 * Parses a header. `json` are its bytes after the length, `fileBytes` the size of the whole file. Tensors come back in the
 * order of their place. They must tile the data section without gap or overlap, as the format asks.
 */
export const parseHeader = (json: Uint8Array, fileBytes: number): SafetensorsHeader | HeaderProblem => {
  let text: string
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(json)
  } catch {
    return problem("the header is not UTF-8")
  }
  if (!text.startsWith("{")) return problem("the header does not begin with {")
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    return problem(`the header is not JSON: ${causeText(cause)}`)
  }
  if (!isRecord(value)) return problem("the header is not an object")
  const twice = duplicateName(text)
  if (twice !== undefined) return problem("the name stands twice in the header", twice)

  const dataOffset = 8 + json.length
  const dataBytes = fileBytes - dataOffset
  const metadata: Array<readonly [string, string]> = []
  const tensors: Array<TensorPlace> = []
  for (const [name, entry] of Object.entries(value)) {
    if (name === "__metadata__") {
      if (!isRecord(entry)) return problem("__metadata__ is not an object")
      for (const [key, text] of Object.entries(entry)) {
        if (typeof text !== "string") return problem(`__metadata__.${key} is not a text`)
        metadata.push([key, text])
      }
      continue
    }
    const place = parsePlace(name, entry, dataOffset, dataBytes)
    if ("problem" in place) return place
    tensors.push(place)
  }

  tensors.sort((a, b) => a.offset - b.offset || a.bytes - b.bytes)
  let end = dataOffset
  for (const place of tensors) {
    if (place.offset < end) return problem("its place overlaps that of the tensor before it", place.name)
    if (place.offset > end) return problem(`${place.offset - end} bytes before it belong to no tensor`, place.name)
    end = place.offset + place.bytes
  }
  if (end !== fileBytes) return problem(`the tensors end at byte ${end}, but the file has ${fileBytes} bytes`)
  return { tensors, metadata: Object.fromEntries(metadata), dataOffset }
}

/** What a writer knows of a tensor before its data. */
export interface TensorHeading {
  readonly name: string
  readonly dtype: WrittenDtype
  readonly shape: ReadonlyArray<number>
}

/** Compares two names by their UTF-8 bytes (which is their order by code point). */
const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

/** The order of dtypes in files of the reference library: widest first, so that every tensor is aligned. */
const dtypeOrder: ReadonlyArray<WrittenDtype> = ["F32", "BF16", "F16", "I8", "U8"]

/**
 * Lays tensors out as the reference library does: by dtype, then by name, so that the same tensors give the same
 * bytes in whatever order they are handed over. Gives the header's bytes (with the length) and the order of the data.
 */
export const layOut = <T extends TensorHeading>(
  tensors: ReadonlyArray<T>,
  metadata: Readonly<Record<string, string>>,
): { readonly header: Uint8Array; readonly ordered: ReadonlyArray<T> } => {
  const ordered = [...tensors].sort(
    (a, b) => dtypeOrder.indexOf(a.dtype) - dtypeOrder.indexOf(b.dtype) || byBytes(a.name, b.name),
  )
  const entries: Array<readonly [string, unknown]> = []
  const notes = Object.entries(metadata).sort(([a], [b]) => byBytes(a, b))
  if (notes.length > 0) entries.push(["__metadata__", Object.fromEntries(notes)])
  let offset = 0
  for (const tensor of ordered) {
    const bytes = elements(tensor.shape) * floatBytes(tensor.dtype)
    entries.push([tensor.name, { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [offset, offset + bytes] }])
    offset += bytes
  }
  // Written entry by entry, since an object would move names that look like numbers to its front.
  const text = `{${entries.map(([name, entry]) => `${JSON.stringify(name)}:${JSON.stringify(entry)}`).join(",")}}`
  const json = Buffer.from(text)
  const padded = Math.ceil(json.length / 8) * 8
  const header = new Uint8Array(8 + padded).fill(0x20)
  new DataView(header.buffer).setBigUint64(0, BigInt(padded), true)
  header.set(json, 8)
  return { header, ordered }
}
