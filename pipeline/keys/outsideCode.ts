import { createHash } from "node:crypto"
import { basename, dirname } from "node:path"
import { installedPackages } from "./FingerprintPackages.ts"

/**
 * The hash of a module outside the project: of its code with what it imports of its own, without comments, types, formatting and
 * names of locals, and of the versions of the packages that it imports.
 *
 * @param file absolute path
 * @throws UntraceableImportError, StageCodeError (as rejections)
 */
export const outsideCode = async (file: string): Promise<string> => {
  const { followCode, stopFollowing } = await import("./FingerprintCode.ts")
  const folder = dirname(file)
  const { digest, packages } = await followCode(folder, basename(file)).finally(stopFollowing)
  const versions = packages.map((name) => [name, installedPackages(name, folder)?.versions ?? {}])
  return createHash("sha256")
    .update(JSON.stringify([digest, versions]))
    .digest("hex")
}
