import { existsSync } from "node:fs"
import { copyFile } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { makeFolders } from "../../schemas/index.ts"
import type { ArtifactStore } from "./ArtifactStore.ts"
import type { FileRecord } from "./FolderContent.ts"
import type { Remote } from "./Remote.ts"
import { io, ioSync, type StoreError } from "./StoreError.ts"
import { withLock } from "./withLock.ts"

const copyFiles = (
  during: string,
  files: ReadonlyArray<FileRecord>,
  from: string,
  to: string,
  onBytes: (bytes: number) => void,
): Effect.Effect<void, StoreError> =>
  io(during, to, async (signal) => {
    for (const { bytes, path } of files) {
      signal.throwIfAborted()
      makeFolders(dirname(join(to, path)))
      await copyFile(join(from, path), join(to, path))
      onBytes(bytes)
    }
  })

/** Another folder as what lies behind the local one: a store as any, which others may use as it is. Results appear by renames. */
export const folderRemote = (outer: ArtifactStore["Type"], address: string): Remote => {
  const session = Effect.zipRight(outer.prepare, outer.session("share"))
  return {
    address,
    readRecord: (path) =>
      Effect.map(outer.readRecord(join(outer.directory, path)), (text) =>
        text === undefined ? undefined : Either.getOrUndefined(text),
      ),
    putRecord: (name, text, ifAbsent) =>
      Effect.scoped(
        Effect.gen(function* () {
          const opened = yield* session
          const path = join(outer.directory, name)
          const write = Effect.suspend(() =>
            ifAbsent && existsSync(path) ? Effect.void : outer.writeWhole(opened, path, text),
          )
          yield* withLock(opened, basename(name, ".json"), write)
        }),
      ),
    pull: (hash, files, folder, onBytes) =>
      copyFiles("reading a shared artifact", files, outer.objectPath(hash), folder, onBytes),
    push: (record, folder, anew, onBytes) =>
      Effect.scoped(
        Effect.gen(function* () {
          if (!anew && (yield* outer.damageOf("", record, "sizes")).length === 0) return onBytes(record.bytes)
          const opened = yield* session
          const copy = join(opened.tmp, record.hash)
          yield* ioSync("sharing an artifact", copy, () => makeFolders(copy))
          yield* copyFiles("sharing an artifact", record.files, folder, copy, onBytes)
          yield* outer.putObject(opened, copy)
        }),
      ),
  }
}
