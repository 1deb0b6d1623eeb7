import { type KeyDocument, sharedParts } from "../keys/index.ts"
import type { Plan, PlannedNode } from "../plan/index.ts"
import type { ArtifactStore, Manifest } from "../store/index.ts"
import { type DoneOutput, notDone, type Outcome, storedOutputs } from "./Outcome.ts"
import type { PartMade } from "./provenanceAbove.ts"
import type { NodeReport } from "./RunReport.ts"

/** What is held of a part's result: ten thousand of them are held together. All else is made of it, the plan and the store. */
interface HeldPart {
  readonly _tag: "Part"
  readonly status: NodeReport["status"]
  readonly seconds: number
  readonly savedSeconds: number | undefined
  readonly key: string | undefined
  readonly reason: NodeReport["reason"]
  readonly warnings: NodeReport["warnings"]
  readonly facts: NodeReport["facts"]
  readonly madeBy: NodeReport["madeBy"]
  readonly records: Manifest["outputs"]
  readonly provenance: PartMade["provenance"]
}

const none: ReadonlyArray<never> = []

/** What became of a plan's nodes, held until the run ends: of a thousand results what is equal once, and of parts the less. */
export class HeldOutcomes {
  readonly #store: ArtifactStore["Type"]
  readonly #nodes: Plan["nodes"]
  readonly #positions: ReadonlyMap<string, number>
  readonly #held: Array<Outcome | HeldPart | undefined>
  readonly #shareKey: (document: KeyDocument) => KeyDocument = sharedParts()
  /** Machines that made parts, each once. */
  readonly #hosts = new Map<string, { readonly host: string }>()
  readonly #texts = new Map<string, string>()

  constructor({ nodes }: Plan, store: ArtifactStore["Type"]) {
    this.#store = store
    this.#nodes = nodes
    this.#positions = new Map(nodes.map(({ node, index }) => [node.name, index]))
    this.#held = nodes.map(() => undefined)
  }

  /** The planned node of a name. */
  planned(name: string): PlannedNode | undefined {
    return this.#nodes[this.#positions.get(name) ?? -1]
  }

  set({ index, node }: PlannedNode, outcome: Outcome): void {
    this.#held[index] = this.#lessOf(node, outcome)
  }

  /** Whether a node has a result. */
  isDone(index: number): boolean {
    const held = this.#held[index]
    return held !== undefined && held._tag !== "NotDone"
  }

  /** Whether a node was left to others, or waits for one that was. */
  isLeft(index: number): boolean {
    const held = this.#held[index]
    return held?._tag === "NotDone" && ["Left", "WaitingFor"].includes(held.report.reason._tag)
  }

  /** The outputs of a node by name; none of one without a result. */
  outputsOf(name: string): Readonly<Record<string, DoneOutput>> {
    const held = this.#of(name)
    const node = this.planned(name)?.node
    if (held === undefined || held._tag === "NotDone" || node === undefined) return {}
    if (held._tag === "Done") return held.outputs
    return node._tag === "StageNode" ? storedOutputs(this.#store, node, held.records).outputs : {}
  }

  /** The manifest of a whole node's result. */
  manifestOf(name: string): Manifest | undefined {
    const held = this.#of(name)
    return held?._tag === "Done" ? held.manifest : undefined
  }

  /** What is told of a part's result. */
  partOf(name: string): PartMade | undefined {
    const held = this.#of(name)
    return held?._tag === "Part" ? held : undefined
  }

  /** What became of each node, in the plan's order; those of which nothing is known were interrupted. */
  reports(): ReadonlyArray<NodeReport> {
    return this.#nodes.map((planned) => {
      const { node } = planned
      const held = this.#held[planned.index] ?? notDone(planned, "skipped", { _tag: "Interrupted" })
      if (held._tag !== "Part") return held.report
      const { facts, key, madeBy, reason, savedSeconds, seconds, status, warnings } = held
      const stage = node._tag === "StageNode" ? node.stage.name : undefined
      const outputs = node._tag === "StageNode" ? storedOutputs(this.#store, node, held.records).reports : {}
      return {
        ...{ name: node.name, stage, status, seconds, savedSeconds, key },
        ...{ reason, outputs, warnings, facts, madeBy },
      }
    })
  }

  #of(name: string): Outcome | HeldPart | undefined {
    return this.#held[this.#positions.get(name) ?? -1]
  }

  #text(text: string): string {
    const known = this.#texts.get(text)
    if (known === undefined) this.#texts.set(text, text)
    return known ?? text
  }

  #lessOf(node: PlannedNode["node"], outcome: Outcome): Outcome | HeldPart {
    if (outcome._tag !== "Done" || outcome.manifest === undefined) return outcome
    const { manifest, report } = outcome
    if (node._tag === "SourceNode" || node.shard === undefined) {
      return { ...outcome, manifest: { ...manifest, key: this.#shareKey(manifest.key) } }
    }
    const { executor, seconds } = manifest.provenance
    const host = this.#text(manifest.provenance.host)
    const alone = this.#hosts.get(host) ?? { host }
    this.#hosts.set(host, alone)
    const { reason } = report
    return {
      _tag: "Part",
      status: report.status,
      seconds: report.seconds,
      savedSeconds: report.savedSeconds,
      key: report.key,
      reason: reason._tag === "Hit" ? { ...reason, run: this.#text(reason.run) } : reason,
      warnings: report.warnings.length === 0 ? none : report.warnings,
      facts: report.facts,
      madeBy: executor === undefined ? alone : { host, executor },
      records: manifest.outputs,
      provenance: executor === undefined ? { host, seconds } : { host, seconds, executor },
    }
  }
}
