import * as Effect from "effect/Effect"
import type { StageNode } from "../plan/index.ts"
import type {
  ArtifactStore,
  Lookup,
  Manifest,
  Moved,
  OutputRecord,
  RemoteError,
  Session,
  StoreError,
} from "../store/index.ts"
import type { RunEvent } from "./RunEvent.ts"

/** What a run has to do with what lies behind its store's folder; where nothing does, nothing. */
export interface Sharing {
  /** The result under a key as the remote has it, whose objects need not be in the folder. What is damaged in the folder goes aside. */
  readonly find: (
    node: StageNode,
    key: string,
    local: Lookup,
  ) => Effect.Effect<Manifest | undefined, RemoteError | StoreError>
  /** Sees to it that an object is in the folder; `false` where it is neither there nor, as it should be, in the remote. */
  readonly bring: (node: string, record: OutputRecord) => Effect.Effect<boolean, RemoteError | StoreError>
  /**
   * Writes a result of the folder to the remote, unless that is known to have it. Where it cannot be written the result stays in the
   * folder alone, and that is told.
   *
   * @returns the manifest that counts, and what there is to say of it.
   */
  readonly share: (
    node: StageNode,
    manifest: Manifest,
  ) => Effect.Effect<{ readonly manifest: Manifest; readonly warnings: ReadonlyArray<string> }, StoreError>
}

const silentMilliseconds = 60_000
/** Milliseconds between two `NodeMoving` events of a node. */
const movingEvery = 100

export const makeSharing = (
  store: ArtifactStore["Type"],
  session: Session,
  emit: (event: RunEvent) => void,
): Sharing => {
  const { remote } = store
  if (remote === undefined) {
    return {
      find: () => Effect.succeed(undefined),
      bring: () => Effect.succeed(true),
      share: (_, manifest) => Effect.succeed({ manifest, warnings: [] }),
    }
  }
  const { address } = remote
  const moved = (node: string) => (done: Moved) => emit({ _tag: "NodeMoved", node, address, ...done })
  const moving = (node: string, direction: Moved["direction"], total: number) => {
    let done = 0
    let last = performance.now()
    return (bytes: number): void => {
      done += bytes
      const now = performance.now()
      if (now - last < movingEvery) return
      last = now
      emit({ _tag: "NodeMoving", node, address, direction, done, total })
    }
  }
  /** Whether nothing can be written in this run. */
  let isRefused = false
  /** Before then a server that did not answer is not asked again: each time takes a while. */
  let silentUntil = Number.NEGATIVE_INFINITY
  return {
    find: ({ name, stage }, key, local) =>
      Effect.gen(function* () {
        const found = yield* remote.find(stage.name, key, session)
        if (found !== undefined && local._tag === "Damaged") {
          emit({ _tag: "ArtifactDamaged", node: name, damage: local.damage })
          yield* store.quarantine(session, local.manifest, local.damage)
        }
        return found
      }),
    bring: (node, record) => remote.bring(record, moved(node), moving(node, "pulled", record.bytes)),
    share: (node, manifest) =>
      Effect.gen(function* () {
        const none = { manifest, warnings: [] }
        if (isRefused || performance.now() < silentUntil || session.readOnly !== undefined) return none
        if (remote.isKnown(manifest.stage, manifest.actionKey)) return none
        yield* session.beat
        const total = Object.values(manifest.outputs).reduce((sum, { bytes }) => sum + bytes, 0)
        const shared = yield* remote.share(session, manifest, moved(node.name), moving(node.name, "pushed", total))
        const { nondeterministic } = shared
        if (nondeterministic !== undefined) {
          emit({ _tag: "NodeWarning", node: node.name, message: nondeterministic })
        }
        return { manifest: shared.manifest, warnings: nondeterministic === undefined ? [] : [nondeterministic] }
      }).pipe(
        Effect.catchTag("RemoteError", (error) => {
          if (error.reason === "Unreachable") silentUntil = performance.now() + silentMilliseconds
          else isRefused = true
          const stays = `${isRefused ? "What is made stays" : `The result of ${node.name} stays`} in ${store.directory} alone: ${error.message}`
          emit({ _tag: "StoreNotice", message: stays })
          return Effect.succeed({ manifest, warnings: [] })
        }),
      ),
  }
}
