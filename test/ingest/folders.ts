import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import * as Either from "effect/Either"
import { afterAll } from "vitest"
import { ingestFolder } from "./runIngest.ts"

type Files = Readonly<Record<string, string | Uint8Array>>

const made: Array<string> = []
afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true })
})

/** A folder with these files. */
export const folderOf = (files: Files): string => {
  const root = mkdtempSync(join(tmpdir(), "rankdag-folder-"))
  made.push(root)
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), content)
  }
  return root
}

type Settings = Parameters<typeof ingestFolder>[1]

/** What is read of files. */
export const read = async (files: Files, settings: Settings = {}) =>
  Either.getOrThrow(await ingestFolder(folderOf(files), settings))

/** The error's tag and message. */
export const refused = async (files: Files, settings: Settings = {}): Promise<string> => {
  const outcome = await ingestFolder(folderOf(files), settings)
  return Either.isLeft(outcome) ? `${outcome.left._tag}: ${outcome.left.message}` : "taken"
}
