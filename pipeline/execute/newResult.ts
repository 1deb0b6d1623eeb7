import type { NodeTask } from "../run/index.ts"
import type { Lookup, Manifest } from "../store/index.ts"

/**
 * Whether a result is one that a task asked for: any, but for a forced task the one that was there before.
 *
 * @param before what was found under the task's key when it was asked for
 */
export const newResult = ({ forced }: NodeTask, before: Lookup): ((manifest: Manifest) => boolean) => {
  const run = forced && before._tag === "Found" ? before.manifest.provenance.run : undefined
  return ({ provenance }) => provenance.run !== run
}
