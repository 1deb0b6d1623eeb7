import { createReadStream } from "node:fs"

/** Whether a file begins as gzip does, whatever its name. */
export const isGzip = async (path: string): Promise<boolean> => {
  for await (const chunk of createReadStream(path, { end: 1 })) {
    if (chunk instanceof Uint8Array) return chunk[0] === 0x1f && chunk[1] === 0x8b
  }
  return false
}
