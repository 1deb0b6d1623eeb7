import { createHash } from "node:crypto"
import { canonicalJson } from "../keys/index.ts"
import type { Json, NodeProvenance, Plan, PlannedNode } from "../plan/index.ts"
import type { Manifest } from "../store/index.ts"

const recordOf = (node: string, { stage, actionKey, key, outputs, facts, warnings, provenance }: Manifest) => ({
  node,
  stage,
  key: actionKey,
  config: key.config,
  code: key.code.digest,
  packages: key.packages,
  native: key.native,
  inputs: Object.fromEntries(
    Object.entries(provenance.inputs).map(([name, origins]) => [
      name,
      origins.map((origin) => ({ node: origin.node, output: origin.output, hash: origin.hash })),
    ]),
  ),
  outputs: Object.fromEntries(
    Object.entries(outputs).map(([name, { hash, bytes, rows }]) => [name, { hash, bytes, rows: rows ?? null }]),
  ),
  facts,
  warnings,
  run: provenance.run,
  at: provenance.at,
  seconds: provenance.seconds,
  platform: provenance.platform,
  nodejs: provenance.nodejs,
})

/**
 * How everything that a node builds on came about: a record for each stage above it, in the plan's order.
 *
 * @param manifestOf the manifest of a node of the plan, where it has one: the user's own files have none.
 */
export const provenanceAbove = (
  plan: Plan,
  planned: PlannedNode,
  manifestOf: (node: string) => Manifest | undefined,
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
      const { name } = plan.nodes[index]!.node
      const manifest = manifestOf(name)
      return manifest === undefined ? [] : [recordOf(name, manifest)]
    })
}

/** The content hash of such records: what stands for them in the key of the stage that reads them. */
export const provenanceHash = (records: ReadonlyArray<NodeProvenance>): string => {
  const plain: ReadonlyArray<Json> = records.map((record) => ({ ...record }))
  return createHash("sha256").update(canonicalJson(plain)).digest("hex")
}
