import { createHash } from "node:crypto"
import { canonicalJson } from "../keys/index.ts"
import type { Json, NodeProvenance, PartsMade, Plan, PlannedNode } from "../plan/index.ts"
import type { Manifest } from "../store/index.ts"

/** What is told of a part's result, beside what it is. */
export interface PartMade {
  readonly facts: Manifest["facts"]
  readonly provenance: Pick<Manifest["provenance"], "executor" | "host" | "seconds">
}

/** What is told of a part whose manifest need not be held. */
export const partMade = ({ facts, provenance: { executor, host, seconds } }: Manifest): PartMade => ({
  facts,
  provenance: { host, seconds, ...(executor === undefined ? {} : { executor }) },
})

/** What making a result took, as if a run that was killed had not done part of it before. */
const wholeSeconds = ({ facts, provenance }: PartMade): number => {
  const { shareBefore } = facts
  return typeof shareBefore === "number" && shareBefore < 1
    ? provenance.seconds / (1 - shareBefore)
    : provenance.seconds
}

/** By whom parts were made, by machine and executor in the order of the first of each. */
const partsMade = (results: ReadonlyArray<PartMade>): ReadonlyArray<PartsMade> => {
  const made = new Map<string, PartsMade>()
  for (const result of results) {
    const { executor, host } = result.provenance
    const who = JSON.stringify([host, executor?.name])
    const { again = 0, parts = 0, queuedSeconds = 0, seconds = 0 } = made.get(who) ?? {}
    made.set(who, {
      host,
      executor: executor?.name ?? null,
      parts: parts + 1,
      seconds: seconds + wholeSeconds(result),
      again: again + ((executor?.attempt ?? 1) > 1 ? 1 : 0),
      queuedSeconds: Math.max(queuedSeconds, executor?.queuedSeconds ?? 0),
    })
  }
  return [...made.values()]
}

const recordOf = (
  node: string,
  { stage, actionKey, key, outputs, facts, warnings, provenance }: Manifest,
  shards: ReadonlyMap<string, PartMade>,
): NodeProvenance => {
  const parts = partsMade([...shards.values()])
  return {
    node,
    stage,
    key: actionKey,
    config: key.config,
    code: key.code.digest,
    packages: key.packages,
    native: key.native,
    inputs: Object.fromEntries(
      Object.entries(provenance.inputs).flatMap(([name, origins]) => {
        const own = origins.filter((origin) => !shards.has(origin.node))
        if (own.length === 0 && origins.length > 0) return []
        return [[name, own.map((origin) => ({ node: origin.node, output: origin.output, hash: origin.hash }))]]
      }),
    ),
    outputs: Object.fromEntries(
      Object.entries(outputs).map(([name, { hash, bytes, rows }]) => [name, { hash, bytes, rows: rows ?? null }]),
    ),
    facts,
    warnings,
    run: provenance.run,
    at: provenance.at,
    seconds: parts.reduce((sum, { seconds }) => sum + seconds, provenance.seconds),
    platform: provenance.platform,
    nodejs: provenance.nodejs,
    host: provenance.host,
    executor: provenance.executor ?? null,
    parts,
  }
}

/** The results of the parts that a node joins. */
const shardsOf = (
  plan: Plan,
  { dependencies }: PlannedNode,
  partOf: (node: string) => PartMade | undefined,
): ReadonlyMap<string, PartMade> => {
  const shards = new Map<string, PartMade>()
  for (const index of dependencies) {
    const { node } = plan.nodes[index]!
    if (node._tag === "SourceNode" || node.shard === undefined) continue
    const made = partOf(node.name)
    if (made !== undefined) shards.set(node.name, made)
  }
  return shards
}

/**
 * How everything that a node builds on came about: a record for each stage above it, in the plan's order. Parts of a divided
 * result are told with what joins them.
 *
 * @param manifestOf the manifest of a node of the plan, where it has one: the user's own files have none, and no part is asked for.
 * @param partOf what is told of a part's result.
 */
export const provenanceAbove = (
  plan: Plan,
  planned: PlannedNode,
  manifestOf: (node: string) => Manifest | undefined,
  partOf: (node: string) => PartMade | undefined,
): ReadonlyArray<NodeProvenance> => {
  const above = new Set<number>()
  const visit = ({ dependencies }: PlannedNode): void => {
    for (const dependency of dependencies) {
      if (above.has(dependency)) continue
      above.add(dependency)
      visit(plan.nodes[dependency]!)
    }
  }
  visit(planned)
  return [...above]
    .sort((a, b) => a - b)
    .flatMap((index) => {
      const planned = plan.nodes[index]!
      const { node } = planned
      if (node._tag === "StageNode" && node.shard !== undefined) return []
      const manifest = manifestOf(node.name)
      return manifest === undefined ? [] : [recordOf(node.name, manifest, shardsOf(plan, planned, partOf))]
    })
}

/** The content hash of such records: what stands for them in the key of the stage that reads them. */
export const provenanceHash = (records: ReadonlyArray<NodeProvenance>): string => {
  const plain: ReadonlyArray<Json> = records.map(({ executor, parts, ...record }) => ({
    ...record,
    executor: executor === null ? null : { ...executor },
    parts: parts.map((part) => ({ ...part })),
  }))
  return createHash("sha256").update(canonicalJson(plain)).digest("hex")
}
