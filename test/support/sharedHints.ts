import { randomUUID } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { isRecord } from "../../schemas/isRecord.ts"

/**
 * What all stores of all test files know of the stages' code: the fingerprints that `hints.json` remembers, each with the stamps of the
 * files that it is a function of, so that it counts only while none of them has changed (K16).
 */
const shared = join(import.meta.dirname, "../../node_modules/.cache/rankdag-tests/hints.json")

/** Not of the engine's face, which would be loaded for it. */
const hintsFileOf = (store: string): string => join(store, "hints.json")

const read = (file: string): Readonly<Record<string, unknown>> => {
  try {
    const parsed: unknown = JSON.parse(readFileSync(file, "utf8"))
    return isRecord(parsed) && isRecord(parsed["hints"]) ? parsed["hints"] : {}
  } catch {
    return {}
  }
}

/**
 * Gives a store that is to be written, and has no hints of its own, those that others made.
 *
 * @returns takes them back, and the folder, where nothing was written to it
 */
export const lendHints = (store: string): (() => void) => {
  const own = hintsFileOf(store)
  if (existsSync(own) || !existsSync(shared)) return () => {}
  const made = mkdirSync(store, { recursive: true })
  writeFileSync(own, readFileSync(shared))
  return () => {
    if (readdirSync(store).length > 1) return
    rmSync(made ?? own, { recursive: true })
  }
}

/** Keeps what a store has found out for the next. Sources of collections are each test's own. */
export const keepHints = (store: string): void => {
  const known = read(shared)
  const found = Object.entries(read(hintsFileOf(store))).filter(([name]) => !name.startsWith("source:"))
  if (found.every(([name, hint]) => JSON.stringify(known[name]) === JSON.stringify(hint))) return
  mkdirSync(dirname(shared), { recursive: true })
  const next = `${shared}.${randomUUID()}`
  writeFileSync(next, JSON.stringify({ schema: 1, hints: { ...known, ...Object.fromEntries(found) } }))
  renameSync(next, shared)
}
