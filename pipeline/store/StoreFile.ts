import { existsSync, readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { folderEntries } from "./folderEntries.ts"
import { decodeRecord, parseManifest, storeVersion } from "./Manifest.ts"
import { sealedRecord } from "./SealedRecord.ts"

/** Where a store is. */
export interface FoundStore {
  /** The folder that is used: the one that was given, or one inside of it where that is another version's. */
  readonly directory: string
  /** What the user should know about it. */
  readonly notice: string | undefined
  /** What is wrong with `store.json`, where the store is this version's all the same. */
  readonly damage: string | undefined
}

const StoreFile = Schema.Struct({ program: Schema.Literal("rankdag"), version: Schema.Int })

const decode = decodeRecord(StoreFile)

/** `store.json` as it is written: with a hash of its own, so that a wrong byte does not make it another version's. */
export const storeFileText = `${sealedRecord(JSON.stringify({ program: "rankdag", version: storeVersion }))}\n`

/** The version that a `store.json` names; `undefined` where its bytes are not such as are written. */
const statedVersion = (text: string): number | undefined =>
  Either.getOrUndefined(Either.map(decode(text.trimEnd()), ({ value }) => value.version))

/** Whether a folder holds results of this version: a manifest that is whole says more than a `store.json` that may not be. */
const holdsOurs = (directory: string): boolean =>
  folderEntries(join(directory, "manifests")).some((stage) =>
    folderEntries(join(directory, "manifests", stage)).some((file) => {
      try {
        const text = readFileSync(join(directory, "manifests", stage, file), "utf8")
        return Either.isRight(parseManifest(text, stage, file.replace(/\.json$/, "")))
      } catch {
        return false
      }
    }),
  )

/** Whether there is any result in a folder, of whatever version. */
const holdsAny = (directory: string): boolean =>
  folderEntries(join(directory, "manifests")).some(
    (stage) => folderEntries(join(directory, "manifests", stage)).length > 0,
  )

/** Finds the store of a folder; nothing is written. */
export const findStore = (given: string): FoundStore => {
  const outer = resolve(given)
  const file = join(outer, "store.json")
  const found: FoundStore = { directory: outer, notice: undefined, damage: undefined }
  if (!existsSync(file)) return found
  let text: string
  try {
    text = readFileSync(file, "utf8")
  } catch {
    text = ""
  }
  const version = statedVersion(text)
  if (version === storeVersion) return found
  if (version === undefined && (holdsOurs(outer) || !holdsAny(outer))) {
    return {
      ...found,
      damage: "is damaged",
      notice: `${file} is damaged; the results beside it are of version ${storeVersion} and are used. A run that can write to the store writes the file anew.`,
    }
  }
  const directory = join(outer, `v${storeVersion}`)
  const what = version === undefined ? "is not this program's" : `has version ${version}`
  return {
    ...found,
    directory,
    notice: `The store in ${outer} ${what}, which this program neither reads nor changes; it uses ${directory}.`,
  }
}
