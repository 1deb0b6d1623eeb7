import { createHash } from "node:crypto"
import type { StoredArtifact } from "../../pipeline/index.ts"

/**
 * A hash of everything that decides what a training comes to, to know a checkpoint by.
 *
 * @param config encoded
 */
export const trainingHash = (
  config: unknown,
  inputs: Readonly<Record<string, StoredArtifact | ReadonlyArray<StoredArtifact>>>,
): string => {
  const hashes = Object.entries(inputs).map(([name, input]) => [
    name,
    "hash" in input ? input.hash : input.map(({ hash }) => hash),
  ])
  return createHash("sha256")
    .update(JSON.stringify([config, hashes]))
    .digest("hex")
}
