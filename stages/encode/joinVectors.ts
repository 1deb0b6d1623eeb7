import * as Effect from "effect/Effect"
import { openVectorTable, readCard, readTokenNames, type VectorTable, vectorTableWriter } from "../../neural/index.ts"
import { joinedFacts, type MergeContext } from "../../pipeline/index.ts"
import type { EncodeConfig, encodeInputs, encodeOutputs } from "./contract.ts"
import { PartsUnfit, PartsUnreadable } from "./EncodeError.ts"
import { tellTruncated } from "./tellTruncated.ts"

/** Vectors that are written at once. */
const block = 1024

/** Bytes of vectors that are read ahead, of all parts together. */
const heldBytes = 2 ** 26

const counts = ["texts", "distinct", "truncated", "tokens", "paddedTokens"] as const

/** The vectors of a part, one after the other; `held` of them are read at once. */
class PartReader {
  readonly #table: VectorTable
  readonly #held: Float32Array
  #place = 0

  constructor(table: VectorTable, held: number) {
    this.#table = table
    this.#held = new Float32Array(Math.max(1, Math.min(held, table.texts)) * table.dimensions)
  }

  /** The name of the next vector's text; none behind the last. */
  get name(): string | undefined {
    return this.#place < this.#table.texts ? this.#table.nameOf(this.#place) : undefined
  }

  /** Puts the next vector at a place of others, and goes on. */
  take(into: Float32Array, at: number): void {
    const { dimensions, texts } = this.#table
    const held = this.#held.length / dimensions
    const from = this.#place - (this.#place % held)
    if (from === this.#place) {
      this.#table.read(this.#held.subarray(0, Math.min(held, texts - from) * dimensions), from)
    }
    const own = (this.#place - from) * dimensions
    into.set(this.#held.subarray(own, own + dimensions), at * dimensions)
    this.#place++
  }
}

/** Puts the vectors of the parts into the order of the texts. */
export const merge = ({
  config,
  facts,
  inputs,
  outputs,
  progress,
  shards,
  warn,
}: MergeContext<EncodeConfig, typeof encodeInputs, typeof encodeOutputs>) =>
  Effect.gen(function* () {
    const names = yield* readTokenNames(inputs.tokens.path, config.texts)
    const tables = yield* Effect.forEach(shards.vectors, ({ path }) => openVectorTable(path))
    const dimensions = tables[0]?.dimensions ?? 1
    const held = Math.max(16, Math.floor(heldBytes / (tables.length * dimensions * 4)))
    /** By the name that each comes to next. */
    const next = new Map<string, PartReader>()
    const queue = (part: PartReader): void => {
      const { name } = part
      if (name !== undefined) next.set(name, part)
    }
    for (const table of tables) queue(new PartReader(table, held))
    const writer = yield* vectorTableWriter(outputs.vectors, {
      texts: names.length,
      dimensions,
      nameOf: (text) => names[text] ?? "",
    })
    const vectors = new Float32Array(block * dimensions)
    /** Takes the vectors of so many names from one on; gives the first of them that no part comes to. */
    const take = (from: number, count: number): string | undefined => {
      for (let at = 0; at < count; at++) {
        const name = names[from + at]!
        const part = next.get(name)
        if (part === undefined) return name
        next.delete(name)
        part.take(vectors, at)
        queue(part)
      }
      return undefined
    }
    for (let from = 0; from < names.length; from += block) {
      const count = Math.min(block, names.length - from)
      const missing = yield* Effect.try({
        try: () => take(from, count),
        catch: (cause) => new PartsUnreadable({ cause }),
      })
      if (missing !== undefined) return yield* new PartsUnfit({ name: missing })
      const places = Uint32Array.from({ length: count }, (_, at) => from + at)
      yield* writer.put(places, vectors.subarray(0, count * dimensions))
      progress({ done: from + count, total: names.length, unit: config.texts })
    }
    yield* writer.finish
    const joined = joinedFacts(facts, counts)
    const truncated = typeof joined["truncated"] === "number" ? joined["truncated"] : 0
    const { maximumTokens } = (yield* readCard(inputs.model.path)).input
    tellTruncated(warn, { texts: names.length, truncated }, config.texts, maximumTokens)
    return { rows: { vectors: names.length }, facts: { ...joined, shards: tables.length } }
  }).pipe(Effect.scoped)
