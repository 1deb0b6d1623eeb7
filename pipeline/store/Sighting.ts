import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { ArtifactStore } from "./ArtifactStore.ts"
import { folderEntries } from "./folderEntries.ts"
import { letEventsIn } from "./letEventsIn.ts"
import { NumberedNames, NumberLists, NumberSet } from "./NumberedNames.ts"
import { ioSync, type StoreError } from "./StoreError.ts"

/**
 * A result as a look at its record's text finds it. A store has tens of thousands, and decoding each takes a hundred times as long;
 * so what is found is only to be believed when the record itself was read.
 */
export interface Sighting {
  readonly stage: string
  /** Its key, as `Sightings.names` numbers it. */
  readonly key: number
  /** Whether the result is in the store; otherwise it is history. */
  readonly present: boolean
  readonly node: string
  /** Content hashes of its outputs, and at worst others; numbers too. */
  readonly hashes: Iterable<number>
}

/** A part of a text that does not keep the whole of it in memory. */
const apart = (text: string): string => Buffer.from(text).toString()

/** Results that were seen, in columns: some 200 bytes each, for there may be a hundred thousand. */
export class Sightings implements Iterable<Sighting> {
  /** Keys and content hashes. */
  readonly names = new NumberedNames()
  readonly #words: Array<string> = []
  readonly #numbersOfWords = new Map<string, number>()
  readonly #keys: Array<number> = []
  readonly #stages: Array<number> = []
  readonly #nodes: Array<number> = []
  readonly #present: Array<boolean> = []
  /** When the stage began, milliseconds since 1970. */
  readonly #times: Array<number> = []
  readonly #hashes = new NumberLists()
  #order: ReadonlyArray<number> = []

  get length(): number {
    return this.#keys.length
  }

  /** Takes in what a look at a record's text finds, and gives the number of its key. */
  look(stage: string, key: string, present: boolean, text: string): number {
    // The members of a record stand in the order in which they are written: outputs before provenance, which has inputs.
    const middle = text.lastIndexOf('"provenance":')
    const begin = text.indexOf('"outputs":')
    const [outputs, provenance] = [text.slice(Math.max(0, begin), middle), text.slice(middle)]
    const number = this.names.add(key)
    this.#keys.push(number)
    this.#stages.push(this.#word(stage))
    this.#nodes.push(this.#word(/"node":"([^"]*)"/.exec(provenance)?.[1] ?? ""))
    this.#present.push(present)
    this.#times.push(Date.parse(/"at":"([^"]*)"/.exec(provenance)?.[1] ?? "") || 0)
    this.#hashes.add([...outputs.matchAll(/"hash":"([0-9a-f]{64})"/g)].map(([, hash = ""]) => this.names.add(hash)))
    return number
  }

  /** From now on those still present come first, then the newest. */
  sort(): void {
    const [present, times] = [this.#present, this.#times]
    this.#order = this.#keys
      .map((_, position) => position)
      .sort((a, b) => Number(present[b]) - Number(present[a]) || times[b]! - times[a]!)
  }

  *[Symbol.iterator](): Generator<Sighting, void> {
    for (const position of this.#order) yield this.#at(position)
  }

  /** The results that have a content hash among their outputs, in the same order. */
  *makersOf(hash: number): Generator<Sighting, void> {
    for (const position of this.#order) {
      for (const made of this.#hashes.at(position)) {
        if (made !== hash) continue
        yield this.#at(position)
        break
      }
    }
  }

  #at(position: number): Sighting {
    return {
      stage: this.#words[this.#stages[position]!]!,
      key: this.#keys[position]!,
      present: this.#present[position]!,
      node: this.#words[this.#nodes[position]!]!,
      hashes: this.#hashes.at(position),
    }
  }

  #word(word: string): number {
    const known = this.#numbersOfWords.get(word)
    if (known !== undefined) return known
    const own = apart(word)
    this.#numbersOfWords.set(own, this.#words.length)
    return this.#words.push(own) - 1
  }
}

/**
 * Every result of the store's folder, and of its remote, as far as that is known, and of its history where those are named: those still
 * present first, then the newest.
 */
export const sightings = (
  which: ReadonlyArray<"manifests" | "remote" | "history">,
): Effect.Effect<Sightings, StoreError, ArtifactStore> =>
  Effect.gen(function* () {
    const store = yield* ArtifactStore
    const found = new Sightings()
    const recorded = new NumberSet()
    for (const place of which) {
      const folder = place === "remote" ? store.remote?.knownFolder : place
      if (folder === undefined) continue
      const stages =
        place === "remote"
          ? yield* ioSync("listing the results", store.directory, () => folderEntries(join(store.directory, folder)))
          : yield* store.stages
      for (const stage of stages) {
        const path = join(store.directory, folder, stage)
        for (const file of yield* ioSync("listing the results", path, () => folderEntries(path))) {
          const key = file.replace(/\.json$/, "")
          const known = found.names.find(key)
          if (known !== undefined && recorded.has(known)) continue
          yield* letEventsIn(found.length)
          const text = yield* store.readRecord(join(path, file))
          if (text === undefined || Either.isLeft(text)) continue
          recorded.add(found.look(stage, key, place !== "history", text.right))
        }
      }
    }
    found.sort()
    return found
  })
