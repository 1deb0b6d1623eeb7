import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { afterAll } from "vitest"
import { type StoredArtifact, tableWriter } from "../../pipeline/index.ts"
import type { ArtifactKind, RowOf, TableKind } from "../../schemas/index.ts"

/** Where the folders of a test file lie; it goes when its tests have ended. */
const root = mkdtempSync(join(tmpdir(), "rankdag-test-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** A fresh folder of the test's own. */
export const temporaryFolder = (name: string): string => mkdtempSync(join(root, `${name}-`))

/** A folder as a stage's input. */
export const storedFolder = <K extends ArtifactKind>(kind: K, path: string): StoredArtifact<K> => ({
  kind,
  path,
  hash: "0".repeat(64),
  from: kind.name,
})

/** Writes rows as a stored table, as a stage would. */
export const storedTable = <K extends TableKind>(kind: K, rows: Iterable<RowOf<K["columns"]>>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const path = temporaryFolder(kind.name)
      const writer = yield* tableWriter(kind, path)
      yield* writer.writeRows(rows)
      yield* writer.finish
      return storedFolder(kind, path)
    }),
  )
