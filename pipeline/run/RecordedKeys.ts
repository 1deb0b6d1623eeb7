import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type KeyDifference, type KeyDocument, nearest, type RecordedKey, sharedParts } from "../keys/index.ts"
import type { ArtifactStore, Manifest, StoreError } from "../store/index.ts"
import { Permits } from "./Permits.ts"

interface Recorded extends RecordedKey {
  readonly key: string
  readonly present: boolean
}

/** What is recorded that is nearest to a key. */
export interface NearestKey {
  readonly manifest: Manifest
  readonly differences: ReadonlyArray<KeyDifference>
}

/** The recorded keys by stage, also of results that are gone; read once for a plan, however many nodes ask. */
export interface RecordedKeys {
  /** The result of the same stage whose record can be read and whose key differs least. */
  readonly nearest: (document: KeyDocument) => Effect.Effect<NearestKey | undefined, StoreError>
  /** Tells of a result that was made meanwhile. */
  readonly add: (manifest: Manifest) => void
}

const ShardConfig = Schema.Struct({ shard: Schema.Struct({ part: Schema.Int, of: Schema.Int }) })
const isShard = Schema.is(ShardConfig)

/** Which part of a divided node's work a key is of: `2of4`; of what is whole, nothing. */
const partOf = ({ config }: KeyDocument): string => (isShard(config) ? `${config.shard.part}of${config.shard.of}` : "")

/** In how many parts a key's work was divided. */
const partsOf = ({ config }: KeyDocument): number => (isShard(config) ? config.shard.of : 1)

/** A stage's recorded keys, those of one part beside each other: a node of ten thousand parts has as many. */
class StageKeys {
  readonly #byPart = new Map<string, Set<Recorded>>()
  /** By in how many parts work was divided, one of them. */
  readonly #onePart = new Map<number, string>()

  add(recorded: Recorded): void {
    const part = partOf(recorded.document)
    const known = this.#byPart.get(part) ?? new Set()
    this.#byPart.set(part, known.add(recorded))
    const of = partsOf(recorded.document)
    if (!this.#onePart.has(of)) this.#onePart.set(of, part)
  }

  delete(recorded: Recorded): void {
    this.#byPart.get(partOf(recorded.document))?.delete(recorded)
  }

  /** With what a key is compared: the same part, or else what was divided into another number of them. */
  like(document: KeyDocument): Iterable<Recorded> {
    const same = this.#byPart.get(partOf(document))
    if (same !== undefined && same.size > 0) return same
    const own = partsOf(document)
    return [...this.#onePart].flatMap(([of, part]) => (of === own ? [] : [...(this.#byPart.get(part) ?? [])]))
  }
}

/** Of each recorded key its document alone is held, what equals another's once: a store may have a thousand of a stage. */
export const recordedKeys = (store: ArtifactStore["Type"]): RecordedKeys => {
  const share = sharedParts()
  const known = new Map<string, StageKeys>()
  const oneAtATime = new Permits(1)
  const of = (stage: string) =>
    Effect.gen(function* () {
      const found = known.get(stage)
      if (found !== undefined) return found
      const read = new StageKeys()
      yield* store.eachKeyDocument(stage, (seen) => read.add({ ...seen, document: share(seen.document) }))
      known.set(stage, read)
      return read
    }).pipe(oneAtATime.withPermits(1))
  const manifestOf = (stage: string, { key, present }: Recorded) =>
    Effect.gen(function* () {
      if (!present) return (yield* store.formerResult(stage, key))?.manifest
      const found = yield* store.readManifest(stage, key)
      return found._tag === "Found" ? found.manifest : undefined
    })
  return {
    nearest: (document) =>
      Effect.gen(function* () {
        const recorded = yield* of(document.stage)
        for (;;) {
          const found = nearest(share(document), recorded.like(document))
          if (found === undefined) return undefined
          const manifest = yield* manifestOf(document.stage, found.recorded)
          if (manifest !== undefined) return { manifest, differences: found.differences }
          recorded.delete(found.recorded)
        }
      }),
    add: ({ actionKey, key, provenance, stage }) => {
      known.get(stage)?.add({ key: actionKey, present: true, document: share(key), at: Date.parse(provenance.at) })
    },
  }
}
