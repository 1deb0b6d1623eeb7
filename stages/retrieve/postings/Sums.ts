/** The sums of a window's documents, and the postings that are added to them: `sum.wat` with its memory. */
import type { Best } from "../TopK.ts"
import { sumBytes } from "./generated/sumBytes.ts"
import type { LengthClasses } from "./LengthClasses.ts"
import { frequencyBits, largeFrequency, windowSize } from "./Postings.ts"

interface Kernel {
  readonly add: (
    at: number,
    end: number,
    classes: number,
    table: number,
    shift: number,
    cut: number,
    candidate: number,
  ) => number
  readonly addComputed: (
    at: number,
    end: number,
    classes: number,
    inverses: number,
    weight: number,
    cut: number,
    candidate: number,
  ) => number
  readonly probe: (
    at: number,
    end: number,
    classes: number,
    table: number,
    shift: number,
    candidate: number,
    candidates: number,
  ) => void
  readonly probeComputed: (
    at: number,
    end: number,
    classes: number,
    inverses: number,
    weight: number,
    candidate: number,
    candidates: number,
  ) => void
  readonly collect: (candidate: number, candidates: number, score: number, floor: number) => number
  readonly clear: (at: number, end: number) => void
  readonly clearAll: () => void
}

const isKernel = (exports: object): exports is Kernel => "add" in exports && "collect" in exports

let compiled: WebAssembly.Module | undefined

const pageBytes = 65_536

const candidatesAt = 8 * windowSize
const scoresAt = candidatesAt + 4 * windowSize
const inversesAt = scoresAt + 4 * windowSize
const classesAt = inversesAt + 4 * 65_536

const f32 = Math.fround

/** Lucene's term score from its weight and `1 + f / norm`. */
export const contribution = (weight: number, level: number): number => f32(weight - f32(weight / level))

/** A term of the query, in memory. */
interface Loaded {
  readonly weight: number
  /** Its table of contributions, or the classes' inverses. */
  readonly table: number
  /** Where its postings' memory begins. */
  readonly at: number
  /** Which of its postings lies there. */
  first: number
}

/** Sums of one window after another, for one query after another. */
export class Sums {
  readonly #memory = new WebAssembly.Memory({ initial: 16 })
  readonly #kernel: Kernel
  readonly #inverses: Float32Array
  /** Whether contributions are computed, where classes are too many for tables. */
  readonly #computed: boolean
  /** Bytes of a class, as a power of two. */
  readonly #classBits: number
  readonly #termsAt: number
  /** Classes of a row of a table, as a power of two. */
  readonly #shift: number
  /** `1 + f / norm`, in rows as tables are. */
  readonly #levels: Float32Array
  #terms: Array<Loaded> = []
  #free = 0
  #candidatesEnd = candidatesAt
  #doubles = new Float64Array(0)
  #halves = new Uint16Array(0)
  #singles = new Float32Array(0)
  #bytes = new Uint8Array(0)

  /** @throws RangeError where the memory cannot be had */
  constructor({ classOf, inverses }: LengthClasses) {
    this.#inverses = inverses
    this.#computed = classOf instanceof Uint16Array
    this.#classBits = this.#computed ? 1 : 0
    this.#shift = Math.ceil(Math.log2(Math.max(2, inverses.length)))
    this.#termsAt = classesAt + ((Math.ceil(classOf.length / windowSize) * windowSize) << this.#classBits)
    compiled ??= new WebAssembly.Module(Buffer.from(sumBytes, "base64"))
    const { exports } = new WebAssembly.Instance(compiled, { sum: { memory: this.#memory } })
    if (!isKernel(exports)) throw new RangeError("the kernel of sum.wat has no function add")
    this.#kernel = exports
    this.#reserve(this.#termsAt)
    this.#singles.set(inverses, inversesAt / 4)
    this.#bytes.set(new Uint8Array(classOf.buffer, classOf.byteOffset, classOf.byteLength), classesAt)
    this.#levels = new Float32Array(this.#computed ? 0 : largeFrequency << this.#shift)
    for (let frequency = 1; frequency < largeFrequency && !this.#computed; frequency++) {
      inverses.forEach((inverse, k) => {
        this.#levels[(frequency << this.#shift) + k] = f32(1 + f32(frequency * inverse))
      })
    }
  }

  /** `1 + f / norm` of a document. */
  level(doc: number, frequency: number): number {
    const of = this.#computed ? this.#halves[classesAt / 2 + doc]! : this.#bytes[classesAt + doc]!
    return f32(1 + f32(frequency * this.#inverses[of]!))
  }

  /** Begins a query. */
  begin(): void {
    this.#terms = []
    this.#free = this.#termsAt
  }

  /**
   * Takes in the query's next term.
   *
   * @param greatest its greatest frequency
   * @param room how many of its postings are in memory at once, at most
   */
  take(weight: number, greatest: number, room: number): void {
    const table = this.#computed ? inversesAt : this.#free
    const at = this.#computed ? this.#free : table + ((8 * (largeFrequency + 1)) << this.#shift)
    this.#free = at + Math.ceil(room / 4) * 8
    this.#reserve(this.#free)
    this.#terms.push({ weight, table, at, first: 0 })
    if (this.#computed) return
    const contributions = this.#doubles
    const levels = this.#levels
    const classes = this.#inverses.length
    for (let frequency = 1; frequency <= greatest && frequency < largeFrequency; frequency++) {
      const row = frequency << this.#shift
      for (let k = row; k < row + classes; k++) contributions[table / 8 + k] = f32(weight - f32(weight / levels[k]!))
    }
    const last = table / 8 + (largeFrequency << this.#shift)
    contributions.fill(0, last, last + classes)
  }

  /** Brings postings of a term into its memory, of which the first is the `first` of all that it has. */
  load(term: number, postings: Uint16Array, first: number): void {
    const loaded = this.#terms[term]!
    loaded.first = first
    this.#halves.set(postings, loaded.at / 2)
  }

  /** Begins a window: there are no candidates. */
  start(): void {
    this.#candidatesEnd = candidatesAt
  }

  /** How many candidates there are. */
  get candidates(): number {
    return (this.#candidatesEnd - candidatesAt) / 2
  }

  /**
   * Adds the contributions of a term's postings `from .. to`, all of them in the window, to the documents' sums; documents that this takes
   * to the cut or above become candidates. Frequencies of 15 and more add nothing (`addOne`).
   */
  add(term: number, from: number, to: number, window: number, cut: number): void {
    const { at, first, table, weight } = this.#terms[term]!
    const begin = at + 2 * (from - first)
    const end = at + 2 * (to - first)
    const classes = classesAt + ((window * windowSize) << this.#classBits)
    this.#candidatesEnd = this.#computed
      ? this.#kernel.addComputed(begin, end, classes, table, weight, cut, this.#candidatesEnd)
      : this.#kernel.add(begin, end, classes, table, this.#shift, cut, this.#candidatesEnd)
  }

  /** The same for a posting of a frequency of 15 or more. */
  addOne(term: number, posting: number, frequency: number, window: number, cut: number): void {
    const { at, first, weight } = this.#terms[term]!
    const place = this.#halves[at / 2 + posting - first]! >>> frequencyBits
    const before = this.#doubles[place]!
    const after = before + contribution(weight, this.level(window * windowSize + place, frequency))
    this.#doubles[place] = after
    if (after < cut || before >= cut) return
    this.#halves[this.#candidatesEnd / 2] = place
    this.#candidatesEnd += 2
  }

  /** Adds the contributions of a term's postings `from .. to` to the candidates' sums alone. */
  probe(term: number, from: number, to: number, window: number): void {
    const { at, first, table, weight } = this.#terms[term]!
    const begin = at + 2 * (from - first)
    const end = at + 2 * (to - first)
    const classes = classesAt + ((window * windowSize) << this.#classBits)
    if (this.#computed) {
      this.#kernel.probeComputed(begin, end, classes, table, weight, candidatesAt, this.#candidatesEnd)
    } else this.#kernel.probe(begin, end, classes, table, this.#shift, candidatesAt, this.#candidatesEnd)
  }

  /** Offers the candidates' scores. */
  offer(best: Best, window: number): void {
    const end = this.#kernel.collect(candidatesAt, this.#candidatesEnd, scoresAt, best.floor)
    const base = window * windowSize
    const places = this.#halves
    const scores = this.#singles
    for (let at = candidatesAt / 2, score = scoresAt / 4; at < end / 2; at++, score++) {
      best.offer(base + places[at]!, scores[score]!)
    }
  }

  /** Sums of the documents of a term's postings become 0. */
  clear(term: number, from: number, to: number): void {
    const { at, first } = this.#terms[term]!
    this.#kernel.clear(at + 2 * (from - first), at + 2 * (to - first))
  }

  /** All sums become 0. */
  clearAll(): void {
    this.#kernel.clearAll()
  }

  #reserve(bytes: number): void {
    const { buffer } = this.#memory
    if (buffer.byteLength < bytes) this.#memory.grow(Math.ceil((bytes * 1.25 - buffer.byteLength) / pageBytes))
    if (this.#memory.buffer === this.#bytes.buffer) return
    this.#doubles = new Float64Array(this.#memory.buffer)
    this.#singles = new Float32Array(this.#memory.buffer)
    this.#halves = new Uint16Array(this.#memory.buffer)
    this.#bytes = new Uint8Array(this.#memory.buffer)
  }
}
