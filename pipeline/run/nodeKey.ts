import { type KeyDocument, keySchema } from "../keys/index.ts"
import type { Facts, NodeProvenance, StageNode, StoredArtifact } from "../plan/index.ts"
import type { DoneOutput } from "./Outcome.ts"
import { type PartMade, provenanceHash } from "./provenanceAbove.ts"

/** What a node reads, by the name of its inputs. */
export type NodeInputs = Readonly<Record<string, ReadonlyArray<StoredArtifact>>>

/** What a node reads, from the outputs of the nodes before it. */
export const inputsOf = (
  node: StageNode,
  outputsOf: (name: string) => Readonly<Record<string, DoneOutput>>,
): NodeInputs =>
  Object.fromEntries(
    node.inputs.map(({ name, artifacts }) => [
      name,
      artifacts.flatMap((artifact) => {
        const done = outputsOf(artifact.node.name)[artifact.output]
        return done === undefined ? [] : [done.artifact]
      }),
    ]),
  )

/** What the parts that a node joins said of their results, in order. */
export const shardFacts = (node: StageNode, partOf: (name: string) => PartMade | undefined): ReadonlyArray<Facts> => {
  const read = new Set(node.inputs.flatMap(({ artifacts }) => artifacts.map((artifact) => artifact.node)))
  return [...read].flatMap((part) =>
    part._tag === "StageNode" && part.shard !== undefined ? [partOf(part.name)?.facts ?? {}] : [],
  )
}

/** The key document of a node whose inputs are known. */
export const nodeKey = (
  node: StageNode,
  fingerprint: Pick<KeyDocument, "code" | "packages" | "native">,
  inputs: NodeInputs,
  provenance: ReadonlyArray<NodeProvenance> | undefined,
): KeyDocument => ({
  schema: keySchema,
  stage: node.stage.name,
  stageVersion: node.stage.version,
  config: node.config,
  inputs: {
    ...Object.fromEntries(
      Object.entries(inputs).map(([name, artifacts]) => [name, artifacts.map((artifact) => artifact.hash)]),
    ),
    ...(provenance === undefined ? {} : { provenance: [provenanceHash(provenance)] }),
  },
  code: fingerprint.code,
  packages: fingerprint.packages,
  native: fingerprint.native,
  determinism: node.stage.determinism,
})
