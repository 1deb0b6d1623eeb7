import { type Plan, planDocument } from "./Plan.ts"

/** What is known of a node when it is drawn. */
export type NodeState = "source" | "hit" | "run" | "ran" | "undetermined" | "failed" | "skipped"

export type GraphFormat = "mermaid" | "dot" | "json"

const colours: Readonly<Record<NodeState, string>> = {
  source: "#e8e8e8",
  hit: "#c8e6c9",
  run: "#ffe0b2",
  ran: "#bbdefb",
  undetermined: "#fff9c4",
  failed: "#ffcdd2",
  skipped: "#f5f5f5",
}

/** The edges of a plan: each output that flows, once for each reader. */
const edges = (plan: Plan) =>
  plan.nodes.flatMap(({ node, index: to }) => {
    if (node._tag === "SourceNode") return []
    const positions = new Map(plan.nodes.map((planned) => [planned.node, planned.index]))
    return node.inputs.flatMap(({ name, artifacts }) =>
      artifacts.map((artifact) => ({
        from: positions.get(artifact.node) ?? 0,
        to,
        output: artifact.output,
        input: name,
        kind: artifact.kind.name,
      })),
    )
  })

/**
 * Draws a plan. With states (of a preview or of a report), nodes have the colour of theirs.
 *
 * `json` is a `PlanDocument` whose nodes have a `state` besides.
 */
export const renderGraph = (
  plan: Plan,
  format: GraphFormat,
  states: ReadonlyMap<string, NodeState> = new Map(),
): string => {
  const used = Object.entries(colours).filter(([state]) => [...states.values()].some((each) => each === state))
  switch (format) {
    case "json": {
      const document = planDocument(plan)
      const nodes = document.nodes.map((node) => ({ ...node, state: states.get(node.name) }))
      return `${JSON.stringify({ ...document, nodes }, undefined, 2)}\n`
    }
    case "mermaid": {
      // Names hold no quotes or brackets: a plan refuses them.
      const lines = ["flowchart TD"]
      for (const { node, index } of plan.nodes) {
        const state = states.get(node.name)
        const mark = state === undefined ? "" : `:::${state}`
        lines.push(`  n${index}${node._tag === "SourceNode" ? `[("${node.name}")]` : `["${node.name}"]`}${mark}`)
      }
      for (const { from, to, kind } of edges(plan)) lines.push(`  n${from} -->|${kind}| n${to}`)
      for (const [state, colour] of used) lines.push(`  classDef ${state} fill:${colour},stroke:#666`)
      return `${lines.join("\n")}\n`
    }
    case "dot": {
      const lines = [
        "digraph plan {",
        "  rankdir=TB",
        '  node [shape=box, style="rounded,filled", fillcolor="#ffffff"]',
      ]
      for (const { node, index } of plan.nodes) {
        const state = states.get(node.name)
        const colour = state === undefined ? "" : `, fillcolor="${colours[state]}", tooltip="${state}"`
        lines.push(`  n${index} [label="${node.name}"${node._tag === "SourceNode" ? ", shape=folder" : ""}${colour}]`)
      }
      for (const { from, to, kind } of edges(plan)) lines.push(`  n${from} -> n${to} [label="${kind}"]`)
      return `${lines.join("\n")}\n}\n`
    }
  }
}
