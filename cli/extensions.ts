import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { pathToFileURL } from "node:url"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type Brought, bring, type Kit, kitOf } from "../extension.ts"
import { outsideCode, projectRoot } from "../pipeline/index.ts"
import { causeText, didYouMean } from "../schemas/index.ts"

/** A module from outside cannot be loaded, or brings what cannot be used. */
export class ExtensionError extends Schema.TaggedError<ExtensionError>()("ExtensionError", {
  file: Schema.String,
  problem: Schema.String,
}) {
  override get message(): string {
    return `${this.file}: ${this.problem} (docs/EXTENDING.md shows one)`
  }
}

/** What each list holds, and the function that its members have. */
const lists = {
  firstStages: ["open", "defineFirstStage"],
  rerankers: ["open", "defineReranker"],
  losses: ["parts", "defineLoss"],
  measures: ["read", "defineMeasure"],
} as const

const isDefinition = (value: unknown, member: string): boolean => {
  if (typeof value !== "object" || value === null) return false
  const members = new Map<string, unknown>(Object.entries(value))
  return typeof members.get("name") === "string" && typeof members.get(member) === "function"
}

/** What is wrong with what a module gave, if anything. */
const problemOf = (given: unknown): string | undefined => {
  if (typeof given !== "object" || given === null) return "its function gives no object"
  const known = Object.keys(lists)
  for (const name of Object.keys(given)) {
    if (!known.includes(name)) {
      return `«${name}» is nothing that a module brings.${didYouMean(name, known)} There are ${known.join(", ")}`
    }
  }
  const brought = new Map<string, unknown>(Object.entries(given))
  for (const [name, [member, made]] of Object.entries(lists)) {
    const list = brought.get(name) ?? []
    if (!Array.isArray(list)) return `${name} is no array`
    const strange = list.findIndex((each) => !isDefinition(each, member))
    if (strange >= 0) return `${name}[${strange}] was not made by ${made}`
  }
  return undefined
}

const isFunction = (value: unknown): value is (given: Kit) => unknown => typeof value === "function"

const isBrought = (given: unknown): given is Brought => problemOf(given) === undefined

/** Loads a module of text; its file is gone when it is loaded. */
const loaded = async (text: string): Promise<unknown> => {
  const folder = mkdtempSync(join(tmpdir(), "rankdag-extension-"))
  try {
    const path = join(folder, "extension.mjs")
    writeFileSync(path, text)
    // No fingerprint has to follow it: what it brings has a digest of its own.
    // eslint-disable-next-line no-restricted-syntax
    const module: unknown = await import(pathToFileURL(path).href)
    return typeof module === "object" && module !== null && "default" in module ? module.default : undefined
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const load = (file: string): Effect.Effect<void, ExtensionError> =>
  Effect.gen(function* () {
    const failed = (cause: unknown) => new ExtensionError({ file, problem: causeText(cause) })
    if (!existsSync(file)) return yield* failed(new Error("there is no such file"))
    const given = yield* Effect.tryPromise({
      try: async () => {
        const { buildExtension } = await import("./buildExtension.ts")
        const extension = await loaded(await buildExtension(projectRoot, file))
        if (!isFunction(extension)) {
          throw new Error("its default export is no function: export default ({ defineMeasure }) => ({ measures: [] })")
        }
        return extension(kitOf(await import("effect/Schema")))
      },
      catch: failed,
    })
    if (!isBrought(given)) return yield* failed(new Error(problemOf(given)))
    const digest = yield* Effect.tryPromise({ try: () => outsideCode(file), catch: failed })
    const problems = bring(given, digest, file)
    if (problems.length > 0) return yield* failed(new Error(problems.join("; ")))
  })

/**
 * Loads modules from outside, and adds what they bring to the registries: before the settings are read, whose names follow from them.
 *
 * @param files paths from the working folder; each is loaded once
 */
export const loadExtensions = (files: ReadonlyArray<string>): Effect.Effect<void, ExtensionError> =>
  Effect.forEach(new Set(files.map((file) => resolve(file))), load, { discard: true })
