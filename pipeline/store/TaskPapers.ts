import { lstatSync, readFileSync } from "node:fs"
import { basename, join } from "node:path"
import type * as Effect from "effect/Effect"
import { folderEntries } from "./folderEntries.ts"
import { ioSync, type StoreError } from "./StoreError.ts"

/** A plan is written again by a run that finds one older than this, so that its age says when it was last asked for. */
export const planRenewedSeconds = 86_400

/** Tasks that nobody waits for may be queued for so long: what they are made of stays. */
export const queuedSeconds = 7 * 86_400

/** What tasks of other processes left in a store, beside results: plans, and what was printed. */
export interface TaskPaper {
  readonly path: string
  /** Since it was last written. */
  readonly ageSeconds: number
  /** Of logs: what attempts at this key said. */
  readonly key?: string
  /** Whether it is of a node's last attempt. */
  readonly isLast?: boolean
}

const ageAt = (path: string, now: number): number => {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  return stat === undefined ? 0 : (now - stat.mtimeMs) / 1000
}

/** The papers of a store's tasks. A folder of logs is as old as the last of them. */
export const taskPapers = (
  directory: string,
  now: number,
): Effect.Effect<{ readonly plans: ReadonlyArray<TaskPaper>; readonly logs: ReadonlyArray<TaskPaper> }, StoreError> =>
  ioSync("looking at plans and logs", directory, () => {
    const plans = folderEntries(join(directory, "plans")).map((name) => {
      const path = join(directory, "plans", name)
      return { path, ageSeconds: ageAt(path, now) }
    })
    const names = folderEntries(join(directory, "logs", "nodes")).map((name) => {
      const path = join(directory, "logs", "nodes", name)
      return { path, ageSeconds: ageAt(path, now), key: readFileSync(path, "utf8").trim(), isLast: true }
    })
    const last = new Set(names.map(({ key }) => key))
    const printed = folderEntries(join(directory, "logs"))
      .filter((name) => name !== "nodes" && name !== "slurm")
      .map((key) => {
        const path = join(directory, "logs", key)
        const files = folderEntries(path).map((name) => join(path, name))
        const ageSeconds = Math.min(...[path, ...files].map((file) => ageAt(file, now)))
        return { path, ageSeconds, key, isLast: last.has(key) }
      })
    const batches = folderEntries(join(directory, "logs", "slurm")).map((name) => {
      const path = join(directory, "logs", "slurm", basename(name))
      return { path, ageSeconds: ageAt(path, now), isLast: true }
    })
    return { plans, logs: [...names, ...printed, ...batches] }
  })
