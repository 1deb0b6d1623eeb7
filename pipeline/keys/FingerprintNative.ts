import { createHash } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { installedPackages } from "./FingerprintPackages.ts"

const folder = (path: string): ReadonlyArray<string> => {
  try {
    return readdirSync(path).sort()
  } catch {
    return []
  }
}

/** The folder of a package, or of a scope of packages, that the project loads: in `node_modules` of its own or of a folder above. */
const foundFolder = (root: string, name: string, has: (member: string) => boolean): string | undefined => {
  for (let above = root; ; above = dirname(above)) {
    const path = join(above, "node_modules", name)
    if (folder(path).some(has)) return path
    if (above === dirname(above)) return undefined
  }
}

/** The binaries of DuckDB for this machine. Empty where they lie elsewhere: then the library has to be loaded to be asked. */
export const duckDbBinaries = (root: string): ReadonlyArray<string> => {
  const isOurs = (name: string): boolean => name.startsWith(`node-bindings-${process.platform}-${process.arch}`)
  const scope = foundFolder(root, "@duckdb", isOurs)
  if (scope === undefined) return []
  return folder(scope)
    .filter(isOurs)
    .flatMap((name) => folder(join(scope, name)).map((file) => join(scope, name, file)))
    .filter((file) => /\.(node|so|dylib|dll)(\.[0-9.]+)?$/.test(file))
}

/** The binaries of ONNX Runtime for this machine. */
export const onnxRuntimeBinaries = (root: string): ReadonlyArray<string> => {
  const package_ = foundFolder(root, "onnxruntime-node", (name) => name === "bin")
  if (package_ === undefined) return []
  const bin = join(package_, "bin")
  return folder(bin)
    .filter((name) => name.startsWith("napi-"))
    .flatMap((name) => {
      const machine = join(bin, name, process.platform, process.arch)
      return folder(machine).map((file) => join(machine, file))
    })
}

/**
 * The version that ONNX Runtime's own library states. The binding does not pass the library's version on, so it is looked for
 * in the library: where the package's version does not stand there, somebody put another build in its place, which is named by
 * its bytes too.
 *
 * @returns `undefined` where it is not installed.
 */
export const onnxRuntimeVersion = (root: string): string | undefined => {
  const claimed = installedPackages("onnxruntime-node", root)?.versions["onnxruntime-node"]
  const library = onnxRuntimeBinaries(root).find((file) =>
    /[\\/](lib)?onnxruntime\.[^\\/]*(so|dylib|dll)[^\\/]*$/.test(file),
  )
  if (claimed === undefined || library === undefined) return undefined
  const bytes = readFileSync(library)
  return bytes.includes(`\0${claimed}\0`)
    ? claimed
    : `${claimed}+${createHash("sha256").update(bytes).digest("hex").slice(0, 12)}`
}
