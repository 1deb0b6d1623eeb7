import { existsSync, mkdirSync } from "node:fs"
import { dirname } from "node:path"

const isThereAlready = (cause: unknown): boolean => cause instanceof Error && "code" in cause && cause.code === "EEXIST"

/**
 * Makes a folder and those above it that are not there. Node's recursive `mkdir` (20.20) never returns where the system says of a
 * folder that is there that it is not, as Linux does below `/proc`.
 *
 * @param mode of the folders that are made, less what the umask takes away
 * @throws the system's error where one of them cannot be made
 */
export const makeFolders = (path: string, mode?: number): void => {
  if (existsSync(path)) return
  const above = dirname(path)
  if (above !== path) makeFolders(above, mode)
  try {
    mkdirSync(path, { mode })
  } catch (cause) {
    if (!isThereAlready(cause)) throw cause
  }
}
