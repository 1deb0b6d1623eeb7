import * as Effect from "effect/Effect"
import type { ArtifactStore } from "./ArtifactStore.ts"
import type { Manifest, OutputRecord } from "./Manifest.ts"
import type { RemoteError } from "./Remote.ts"
import type { Moved } from "./SharedResults.ts"
import type { StoreError } from "./StoreError.ts"

type Store = ArtifactStore["Type"]

/** The manifest under a key, in the folder or in what lies behind it, whether or not its objects are in the folder. */
export const manifestAnywhere = (
  store: Store,
  stage: string,
  key: string,
): Effect.Effect<Manifest | undefined, RemoteError | StoreError> =>
  Effect.gen(function* () {
    const found = yield* store.readManifest(stage, key)
    if (found._tag === "Found") return found.manifest
    return store.remote === undefined ? undefined : yield* store.remote.find(stage, key, undefined)
  })

/**
 * An output of a result, brought into the folder if it lies in the remote, with every byte compared; else why it cannot be read.
 *
 * @param onMoved told of what had to be brought.
 */
export const storedOutput = (
  store: Store,
  stage: string,
  key: string,
  output: string,
  onMoved?: (moved: Moved) => void,
): Effect.Effect<OutputRecord | "gone" | "damaged", RemoteError | StoreError> =>
  Effect.gen(function* () {
    const found = yield* store.lookup(stage, key, "bytes")
    if (found._tag === "Found") return found.manifest.outputs[output] ?? "gone"
    const absent = found._tag === "Damaged" ? "damaged" : "gone"
    const record = (yield* store.remote?.find(stage, key, undefined) ?? Effect.succeed(undefined))?.outputs[output]
    if (record === undefined || !(yield* store.remote?.bring(record, onMoved) ?? Effect.succeed(false))) return absent
    return (yield* store.damageOf(output, record, "bytes")).length === 0 ? record : "damaged"
  })
