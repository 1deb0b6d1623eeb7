import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import * as Schema from "effect/Schema"
import { absent, type Stamp, stampOf } from "./FingerprintStamp.ts"

/** The project's root, put in its place where this module is part of a copy; not defined in the source. */
declare const RANKDAG_ROOT: string | undefined

const copied = typeof RANKDAG_ROOT === "string" ? RANKDAG_ROOT : undefined

/** Absolute path of the project, whether its code runs from the source or from a copy, the launcher's or a package's. */
export const projectRoot: string = copied ?? resolve(fileURLToPath(new URL("../..", import.meta.url)))

const Sources = Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.String }))

/** A package's copy was made elsewhere: of its sources it knows the bytes. */
const digestOf = /^sha256:([0-9a-f]{64})$/

const stampIfSame = (path: string, digest: string): Stamp => {
  const stamp = stampOf(path)
  const same = stamp !== absent && createHash("sha256").update(readFileSync(path)).digest("hex") === digest
  return same ? stamp : absent
}

/**
 * Stamps, by absolute path, of the files that the running copy was made of (`absent` of one that is no longer as it was when a
 * package was made); `undefined` where code is loaded from the source. For `FingerprintOptions.builtFrom`.
 */
export const builtFrom = (): ReadonlyMap<string, Stamp> | undefined => {
  if (copied === undefined) return undefined
  // It lies beside the modules of the copy.
  const sources = Schema.decodeSync(Sources)(readFileSync(new URL("./sources.json", import.meta.url), "utf8"))
  return new Map(
    Object.entries(sources).map(([name, said]) => {
      const path = join(copied, name)
      const digest = digestOf.exec(said)?.[1]
      return [path, digest === undefined ? said : stampIfSame(path, digest)]
    }),
  )
}
