import { isAbsolute, join, relative, resolve, sep } from "node:path"
import { pathToFileURL } from "node:url"
import type * as esbuild from "esbuild"
import { build, stop } from "../pipeline/keys/ApartEsbuild.ts"

/** Folders of the program, of which a second copy would know nothing of the first. */
const ours = ["cli", "measures", "neural", "pipeline", "schemas", "stages"]
const ourFiles = ["dag.ts", "experiment.ts", "extension.ts", "settings.ts", "sweep.ts", "training.ts"]

const isOurs = (root: string, path: string): boolean => {
  const place = relative(root, path).split(sep)
  return place.length === 1 ? ourFiles.includes(place[0] ?? "") : ours.includes(place[0] ?? "")
}

const isFailure = (error: unknown): error is esbuild.BuildFailure =>
  error instanceof Error && "errors" in error && Array.isArray(error.errors)

const whatFailed = ({ errors: [error] }: esbuild.BuildFailure): string => {
  const place = error?.location
  const where = place ? `${resolve(place.file)}:${place.line}:${place.column + 1}: ` : ""
  return `${where}${error?.text ?? "it cannot be read"}`
}

/**
 * A module outside the project and what it imports of its own, as one module that Node can load from anywhere. Packages stay outside,
 * found from where the file is.
 *
 * @throws Error with the place of what is wrong
 */
export const buildExtension = async (root: string, file: string): Promise<string> => {
  try {
    const { outputFiles } = await build({
      absWorkingDir: root,
      entryPoints: [file],
      outfile: join(root, "extension.mjs"),
      bundle: true,
      write: false,
      format: "esm",
      platform: "node",
      target: "node20",
      charset: "utf8",
      logLevel: "silent",
      sourcemap: "inline",
      plugins: [
        {
          name: "rankdag-extension",
          setup: (build) => {
            const pluginData = { seen: true }
            build.onResolve({ filter: /.*/ }, async ({ importer, kind, path, pluginData: before, resolveDir }) => {
              if (kind === "entry-point" || before === pluginData) return undefined
              const found = await build.resolve(path, { importer, kind, pluginData, resolveDir })
              const own = /^[.#]/.test(path) || isAbsolute(path)
              if (found.errors.length > 0 || (found.external && !own)) return found
              if (!own) return { path: pathToFileURL(found.path).href, external: true }
              if (!isOurs(root, found.path)) return found
              const text = `«${path}» is a module of the program, of which a module from outside may import types alone (import type): take what you need from the kit that your function is given`
              return { errors: [{ text }] }
            })
          },
        },
      ],
    })
    return outputFiles[0]?.text ?? ""
  } catch (error) {
    throw isFailure(error) ? new Error(whatFailed(error)) : error
  } finally {
    await stop()
  }
}
