import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { ArtifactStore } from "./ArtifactStore.ts"
import { folderEntries } from "./folderEntries.ts"
import { letEventsIn } from "./letEventsIn.ts"
import { ioSync, type StoreError } from "./StoreError.ts"

/**
 * A result as a look at its record's text finds it. A store has tens of thousands, and decoding each takes a hundred times as long;
 * so what is found is only to be believed when the record itself was read.
 */
export interface Sighting {
  readonly stage: string
  readonly key: string
  /** Whether the result is in the store; otherwise it is history. */
  readonly present: boolean
  readonly node: string
  /** When the stage began, ISO 8601. */
  readonly at: string
  /** Content hashes of its outputs, and at worst others. */
  readonly hashes: ReadonlyArray<string>
}

/** A part of a text that does not keep the whole of it in memory. */
const apart = (text: string): string => Buffer.from(text).toString()

const look = (stage: string, key: string, present: boolean, text: string): Sighting => {
  // The members of a record stand in the order in which they are written: outputs before provenance, which has inputs.
  const middle = text.lastIndexOf('"provenance":')
  const begin = text.indexOf('"outputs":')
  const [outputs, provenance] = [text.slice(Math.max(0, begin), middle), text.slice(middle)]
  return {
    stage,
    key,
    present,
    node: apart(/"node":"([^"]*)"/.exec(provenance)?.[1] ?? ""),
    at: apart(/"at":"([^"]*)"/.exec(provenance)?.[1] ?? ""),
    hashes: [...outputs.matchAll(/"hash":"([0-9a-f]{64})"/g)].map(([, hash = ""]) => apart(hash)),
  }
}

/** Every result of the store and of its history: those still present first, then the newest. */
export const sightings: Effect.Effect<ReadonlyArray<Sighting>, StoreError, ArtifactStore> = Effect.gen(function* () {
  const store = yield* ArtifactStore
  const found: Array<Sighting> = []
  const recorded = new Set<string>()
  for (const [folder, present] of [
    ["manifests", true],
    ["history", false],
  ] as const) {
    for (const stage of yield* store.stages) {
      const path = join(store.directory, folder, stage)
      for (const file of yield* ioSync("listing the results", path, () => folderEntries(path))) {
        const key = file.replace(/\.json$/, "")
        if (recorded.has(key)) continue
        yield* letEventsIn(found.length)
        const text = yield* store.readRecord(join(path, file))
        if (text === undefined || Either.isLeft(text)) continue
        recorded.add(key)
        found.push(look(stage, key, present, text.right))
      }
    }
  }
  return found.sort((a, b) => Number(b.present) - Number(a.present) || (a.at < b.at ? 1 : -1))
})
