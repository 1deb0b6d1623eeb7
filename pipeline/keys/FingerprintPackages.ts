import { readFileSync, realpathSync } from "node:fs"
import { dirname, join } from "node:path"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"

const Names = Schema.optional(Schema.Record({ key: Schema.String, value: Schema.Unknown }))

const Manifest = Schema.parseJson(
  Schema.Struct({
    version: Schema.optional(Schema.String),
    dependencies: Names,
    optionalDependencies: Names,
    peerDependencies: Names,
    os: Schema.optional(Schema.Unknown),
    cpu: Schema.optional(Schema.Unknown),
  }),
)

const decodeManifest = Schema.decodeUnknownEither(Manifest)

/** A package and all that it can load: versions by name, and every path that was looked at, there or not. */
export interface InstalledPackages {
  /** More than one version of a package is installed for different dependents: both, sorted, with a comma. */
  readonly versions: Readonly<Record<string, string>>
  readonly looked: ReadonlyArray<string>
}

/** `effect/Effect` → `effect`; `@effect/cli/Args` → `@effect/cli`. */
export const packageName = (specifier: string): string =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/")

const isOne = (platforms: unknown): boolean =>
  typeof platforms === "string" || (Array.isArray(platforms) && platforms.length === 1)

const readText = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return undefined
  }
}

/**
 * The installed version of a package and of everything it depends on, found as Node finds it: `node_modules` of the folder,
 * then of the folders above. Packages for one platform only are left out, so that keys agree between machines: what they
 * hold is named by the native libraries' versions.
 *
 * @returns `undefined` where the package itself is not installed; a dependency that is absent is optional and skipped.
 */
export const installedPackages = (name: string, from: string): InstalledPackages | undefined => {
  const versions = new Map<string, Set<string>>()
  const looked = new Set<string>()
  const seen = new Set<string>()

  const find = (wanted: string, folder: string): boolean => {
    for (let above = folder; ; above = dirname(above)) {
      const file = join(above, "node_modules", wanted, "package.json")
      if (seen.has(file)) return true
      looked.add(file)
      const text = readText(file)
      if (text !== undefined) {
        seen.add(file)
        // Node looks for a linked package's dependencies beside the package itself, not beside the link.
        visit(wanted, dirname(realpathSync(file)), text)
        return true
      }
      if (above === dirname(above)) return false
    }
  }

  const visit = (wanted: string, folder: string, text: string): void => {
    const manifest = Either.getOrUndefined(decodeManifest(text))
    if (isOne(manifest?.os) || isOne(manifest?.cpu)) return
    const known = versions.get(wanted) ?? new Set()
    versions.set(wanted, known.add(manifest?.version ?? "unknown"))
    const dependencies = { ...manifest?.dependencies, ...manifest?.optionalDependencies, ...manifest?.peerDependencies }
    for (const dependency of Object.keys(dependencies)) find(dependency, folder)
  }

  if (!find(name, from)) return undefined
  return {
    versions: Object.fromEntries(
      [...versions.keys()].sort().map((each) => [each, [...(versions.get(each) ?? [])].sort().join(", ")]),
    ),
    looked: [...looked],
  }
}
