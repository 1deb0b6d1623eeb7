import { kernelBytes } from "./generated/kernelBytes.ts"

/** Where arrays are made: each call gives one of so many zeros. */
export type Space = (elements: number) => Float32Array

export const ordinarySpace: Space = (elements) => new Float32Array(elements)

/**
 * Inner loops of updates as WebAssembly has them, two elements at a time, on arrays of one memory. Positions are in bytes, counts
 * multiples of 4 above 0. `kernels.wat` has the code.
 */
export interface Kernels {
  readonly adamw: (
    weight: number,
    first: number,
    second: number,
    gradient: number,
    count: number,
    scale: number,
    kept1: number,
    new1: number,
    kept2: number,
    new2: number,
    keptWeight: number,
    rate: number,
    root: number,
    epsilon: number,
  ) => void
  /** Multiplies a weight by a number. */
  readonly decay: (weight: number, count: number, kept: number) => void
  /** The sum of the squares: of four sums, one for each remainder of the place by 4, in their order. */
  readonly squares: (values: number, count: number) => number
}

/** A memory is at most as large: positions stay within 31 bits. */
const mostBytes = 2 ** 31
const pageBytes = 65_536
/** Arrays begin at multiples of it. */
const alignment = 16

const roundedUp = (elements: number): number => Math.ceil((4 * elements) / alignment) * alignment

let compiled: WebAssembly.Module | undefined
/** The kernels of a memory, by its buffer: they live as long as an array in it does. */
const kernelsOfBuffer = new WeakMap<ArrayBufferLike, Kernels>()

const isKernels = (exported: object): exported is Kernels =>
  "adamw" in exported && "decay" in exported && "squares" in exported

/** The kernels for arrays that lie in one memory; undefined for others. */
export const kernelsOf = (array: Float32Array, ...others: readonly Float32Array[]): Kernels | undefined =>
  others.every(({ buffer }) => buffer === array.buffer) ? kernelsOfBuffer.get(array.buffer) : undefined

/** A memory with kernels; undefined where the machine does not give one. */
const openMemory = (bytes: number): ArrayBuffer | undefined => {
  try {
    const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / pageBytes) })
    compiled ??= new WebAssembly.Module(Buffer.from(kernelBytes, "base64"))
    const { exports } = new WebAssembly.Instance(compiled, { kernels: { memory } })
    if (!isKernels(exports)) return undefined
    kernelsOfBuffer.set(memory.buffer, exports)
    return memory.buffer
  } catch (cause) {
    // Too little address space, or a processor without the instructions: the loops in TypeScript do the same.
    if (cause instanceof RangeError || cause instanceof WebAssembly.CompileError) return undefined
    throw cause
  }
}

/** Arrays one after another between two positions of a buffer; what has no room there is made elsewhere. */
const spaceIn = (buffer: ArrayBuffer, begin: number, end: number): Space => {
  let at = begin
  return (elements) => {
    if (at + roundedUp(elements) > end) return ordinarySpace(elements)
    const array = new Float32Array(buffer, at, elements)
    at += roundedUp(elements)
    return array
  }
}

/**
 * For each set of arrays, given by their lengths, the space to make them in: all of a set in one memory, so that kernels work on
 * them. A set that no memory can hold has the ordinary space.
 */
export const kernelSpaces = (sets: readonly (readonly number[])[]): readonly Space[] => {
  /** The bytes of each memory. */
  const memories = [0]
  const places = sets.map((lengths) => {
    const size = lengths.reduce((sum, elements) => sum + roundedUp(elements), 0)
    if (size > mostBytes) return undefined
    if ((memories.at(-1) ?? 0) + size > mostBytes) memories.push(0)
    const memory = memories.length - 1
    const begin = memories[memory]!
    memories[memory] = begin + size
    return { memory, begin, end: begin + size }
  })
  const buffers = memories.map(openMemory)
  return places.map((place) => {
    if (place === undefined) return ordinarySpace
    const buffer = buffers[place.memory]
    return buffer === undefined ? ordinarySpace : spaceIn(buffer, place.begin, place.end)
  })
}
