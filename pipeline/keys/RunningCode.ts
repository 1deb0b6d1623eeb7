import { readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import * as Schema from "effect/Schema"
import type { Stamp } from "./FingerprintStamp.ts"

/** The project's root, put in its place where this module is part of the launcher's copy; not defined in the source. */
declare const RANKDAG_ROOT: string | undefined

const copied = typeof RANKDAG_ROOT === "string" ? RANKDAG_ROOT : undefined

/** Absolute path of the project, whether its code runs from the source or from the launcher's copy. */
export const projectRoot: string = copied ?? resolve(fileURLToPath(new URL("../..", import.meta.url)))

const Sources = Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.String }))

/**
 * Stamps, by absolute path, of the files that the running copy was made of; `undefined` where code is loaded from the source.
 * For `FingerprintOptions.builtFrom`.
 */
export const builtFrom = (): ReadonlyMap<string, Stamp> | undefined => {
  if (copied === undefined) return undefined
  // The launcher writes it beside the modules of the copy.
  const sources = Schema.decodeSync(Sources)(readFileSync(new URL("./sources.json", import.meta.url), "utf8"))
  return new Map(Object.entries(sources).map(([path, stamp]) => [join(copied, path), stamp]))
}
