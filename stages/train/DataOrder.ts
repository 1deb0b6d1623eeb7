import { Random } from "../../schemas/index.ts"

/** Streams of one seed, so that the order of the queries and what is drawn for them do not depend on each other. */
const streams = { order: 1, list: 2 } as const

/** Which query a list is made for, and its draws. */
export interface Turn {
  readonly query: number
  /** Rounds through the queries that are done, from 0. */
  readonly epoch: number
  readonly random: Random
}

/**
 * The order in which queries have their turns: in every epoch each once, in an order of its own. What comes at a position is a
 * function of the seed and the position, so that a training can go on anywhere.
 */
export class DataOrder {
  readonly #seed: number
  readonly #queries: number
  #epoch = -1
  #order = new Int32Array(0)

  constructor(seed: number, queries: number) {
    this.#seed = seed
    this.#queries = queries
  }

  /** The turn at a position, from 0, in the order of all lists of the training. */
  at(position: number): Turn {
    const epoch = Math.floor(position / this.#queries)
    if (epoch !== this.#epoch) {
      this.#epoch = epoch
      this.#order = Int32Array.from({ length: this.#queries }, (_, i) => i)
      new Random(this.#seed, streams.order, epoch).shuffle(this.#order)
    }
    const query = this.#order[position % this.#queries]!
    return { query, epoch, random: new Random(this.#seed, streams.list, position) }
  }
}
