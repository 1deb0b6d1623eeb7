// Imports nothing heavy: the launcher needs it before anything else is loaded.
import { type BigIntStats, statSync } from "node:fs"

/**
 * Size, times and inode of a file, as text: where it is as it was, the bytes are taken to be as they were. A hint only, never
 * part of a key. The time of the inode's last change is in it, so that a file put back with its old time is noticed.
 */
export type Stamp = string

/** The stamp of what is not there. */
export const absent: Stamp = "-"

/** A file whose times lie this close to the reading, or after it, may change again without its stamp changing. */
const trustedAfterMs = 2000

/** The stamp of a file that was already asked for its state. */
export const stampOfStats = (stats: BigIntStats): Stamp =>
  `${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}:${stats.ino}${stats.isFile() ? "" : ":not a file"}`

/** The stamp of a path now; `absent` where nothing can be asked of it. */
export const stampOf = (path: string): Stamp => {
  try {
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false })
    return stats === undefined ? absent : stampOfStats(stats)
  } catch {
    return absent
  }
}

/** Whether a stamp that was taken at `at` (milliseconds since 1970) can be relied on later. */
export const isTrusted = (stamp: Stamp, at: number): boolean => {
  if (stamp === absent) return true
  const [, modified = "0", changed = "0"] = stamp.split(":")
  const newest = Math.max(Number(BigInt(modified) / 1_000_000n), Number(BigInt(changed) / 1_000_000n))
  return at - newest > trustedAfterMs
}
