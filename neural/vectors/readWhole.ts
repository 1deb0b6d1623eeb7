import { readSync } from "node:fs"

/** Fills bytes from a place in an open file. Throws where the file ends before. */
export const readWhole = (file: number, bytes: Uint8Array, at: number): void => {
  for (let done = 0; done < bytes.length; ) {
    const read = readSync(file, bytes, done, bytes.length - done, at + done)
    if (read === 0) throw new Error(`it ends at byte ${at + done}`)
    done += read
  }
}
