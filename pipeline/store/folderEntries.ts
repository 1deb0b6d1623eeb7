import { readdirSync } from "node:fs"
import { isAbsent } from "./StoreError.ts"

/** Names in a folder, sorted; none where there is no such folder. */
export const folderEntries = (directory: string): ReadonlyArray<string> => {
  try {
    return readdirSync(directory).sort()
  } catch (cause) {
    if (isAbsent(cause)) return []
    throw cause
  }
}
