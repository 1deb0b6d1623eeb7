import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { nearestName } from "../../schemas/index.ts"
import { JsonValue } from "./Json.ts"
import { type Artifact, type PlanNode, type StageNode, shardsInput } from "./Stage.ts"

/** A node with where its inputs come from, by position. */
export interface PlannedNode {
  readonly node: PlanNode
  /** Position in `Plan.nodes`. */
  readonly index: number
  /** Positions of the nodes whose outputs it reads; each once, in the order of first use. */
  readonly dependencies: ReadonlyArray<number>
}

/** What is to be made: nodes in an order in which each follows what it needs, and the names under which results are asked for. */
export interface Plan {
  readonly nodes: ReadonlyArray<PlannedNode>
  /** Target name → names of the nodes that make it. */
  readonly targets: Readonly<Record<string, ReadonlyArray<string>>>
  /** The targets of the whole plan that this plan makes something of, whether or not they were asked for. */
  readonly within: Readonly<Record<string, ReadonlyArray<string>>>
}

/** The wiring does not make a plan. */
export class PlanError extends Schema.TaggedError<PlanError>()("PlanError", {
  reason: Schema.Literal("DuplicateName", "InvalidName", "Cycle", "UnknownInput", "UnknownTargetNode"),
  /** The nodes concerned; of a cycle, its members in order. */
  names: Schema.Array(Schema.String),
}) {
  override get message(): string {
    const names = this.names.map((name) => `«${name}»`)
    switch (this.reason) {
      case "DuplicateName":
        return `Two nodes are named ${names.join(", ")}. Wire the node once and use its outputs twice, or give one a label.`
      case "InvalidName":
        return `${names.join(", ")} cannot name a node: letters, digits, and . _ @ + - inside are allowed.`
      case "Cycle":
        return `These nodes need each other in a circle: ${names.join(" → ")}.`
      case "UnknownInput":
        return `${names[0] ?? ""} reads an output of ${names[1] ?? ""}, which is not in the plan.`
      case "UnknownTargetNode":
        return `The target ${names[0] ?? ""} names ${names[1] ?? ""}, which is not in the plan.`
    }
  }
}

/** No target, node or stage has this name. */
export class UnknownTarget extends Schema.TaggedError<UnknownTarget>()("UnknownTarget", {
  target: Schema.String,
  suggestion: Schema.UndefinedOr(Schema.String),
  known: Schema.Array(Schema.String),
}) {
  override get message(): string {
    return this.suggestion === undefined
      ? `There is no target, node or stage «${this.target}». There are: ${this.known.join(", ")}.`
      : `There is no target, node or stage «${this.target}». Did you mean «${this.suggestion}»?`
  }
}

/** Node names are names of files, of links and of marks in graphs. */
const nodeName = /^[\p{L}\p{N}][\p{L}\p{M}\p{N}._@+-]*$/u

const inputNodes = (node: PlanNode): ReadonlyArray<PlanNode> =>
  node._tag === "SourceNode" ? [] : node.inputs.flatMap((input) => input.artifacts.map((artifact) => artifact.node))

const ordered = (
  roots: Iterable<PlanNode>,
  targets: Readonly<Record<string, ReadonlyArray<string>>>,
): Either.Either<Plan, PlanError> => {
  const index = new Map<PlanNode, number>()
  const byName = new Map<string, PlanNode>()
  const nodes: Array<PlannedNode> = []
  const open: Array<PlanNode> = []
  const failures: Array<PlanError> = []
  // Depth first, dependencies in the order of declaration: the order is a function of the wiring alone.
  const visit = (node: PlanNode): void => {
    if (failures.length > 0 || index.has(node)) return
    const from = open.indexOf(node)
    if (from >= 0) {
      failures.push(new PlanError({ reason: "Cycle", names: [...open.slice(from), node].map((member) => member.name) }))
      return
    }
    if (!nodeName.test(node.name)) failures.push(new PlanError({ reason: "InvalidName", names: [node.name] }))
    const namesake = byName.get(node.name)
    if (namesake !== undefined && namesake !== node) {
      failures.push(new PlanError({ reason: "DuplicateName", names: [node.name] }))
    }
    byName.set(node.name, node)
    open.push(node)
    for (const dependency of inputNodes(node)) visit(dependency)
    open.pop()
    const dependencies = [...new Set(inputNodes(node))].flatMap((dependency) => index.get(dependency) ?? [])
    index.set(node, nodes.length)
    nodes.push({ node, index: nodes.length, dependencies })
  }
  for (const root of roots) visit(root)
  const failure = failures[0]
  return failure === undefined ? Either.right({ nodes, targets, within: targets }) : Either.left(failure)
}

/** `rerank.minilm.2of4`: also what `rerank.minilm` means. */
const shardName = (node: StageNode, part: number, of: number): string =>
  // Put together by `+`, it would be kept with all that it was put together of.
  [node.name, ".", part, "of", of].join("")

/** The name of the node that joins a part: `rerank.minilm.2of4` → `rerank.minilm`. */
export const joinedName = (part: string): string => part.slice(0, part.lastIndexOf("."))

/**
 * The nodes of a plan by those that were wired: one that is divided stands for a node for each part, which reads what it reads, and
 * one of its own name that joins them. In a part's key stands which it is.
 */
const dividedNodes = (plan: Plan): ReadonlyMap<PlanNode, PlanNode> => {
  const known = new Map<PlanNode, PlanNode>()
  for (const { node } of plan.nodes) {
    if (node._tag === "SourceNode") continue
    const inputs = node.inputs.map(({ name, artifacts }) => ({
      name,
      artifacts: artifacts.map((artifact) => ({ ...artifact, node: known.get(artifact.node) ?? artifact.node })),
    }))
    const moved = inputs.some(({ artifacts }, at) =>
      artifacts.some((artifact, place) => artifact.node !== node.inputs[at]?.artifacts[place]?.node),
    )
    const { split, ...whole } = node
    if (split === undefined) {
      if (moved) known.set(node, { ...node, inputs })
      continue
    }
    const { execute, merge, shards: of } = split
    const config = Object.entries(node.config ?? {})
    const shards = Array.from({ length: of }, (_, at): StageNode => {
      const shard = { part: at + 1, of }
      // Spread, each of ten thousand would have a hidden class of its own.
      return {
        _tag: "StageNode",
        name: shardName(node, shard.part, of),
        stage: node.stage,
        config: Object.fromEntries([...config, ["shard", shard]]),
        occupies: node.occupies,
        inputs,
        execute: node.execute,
        shard,
      }
    })
    const parts = Object.entries(node.stage.outputs).map(([output, kind]) => ({
      name: shardsInput(output),
      artifacts: shards.map((shard): Artifact => ({ kind, node: shard, output })),
    }))
    known.set(node, { ...whole, stage: merge, occupies: undefined, inputs: [...inputs, ...parts], execute })
  }
  return known
}

/**
 * Makes a plan of everything that the targets need. A node whose configuration asks for several parts becomes as many nodes and one
 * that joins them.
 *
 * @param targets names under which results can be asked for, and the artifacts that make each.
 */
export const makePlan = (
  targets: Readonly<Record<string, Artifact | ReadonlyArray<Artifact>>>,
): Either.Either<Plan, PlanError> => {
  const byTarget = Object.entries(targets).map(([name, wired]): readonly [string, ReadonlyArray<PlanNode>] => [
    name,
    ("node" in wired ? [wired] : wired).map((artifact) => artifact.node),
  ])
  const roots = byTarget.flatMap(([, nodes]) => nodes)
  const named = Object.fromEntries(
    byTarget.map(([name, nodes]) => [name, [...new Set(nodes.map((node) => node.name))]]),
  )
  return Either.flatMap(ordered(roots, named), (plan) => {
    if (!plan.nodes.some(({ node }) => node._tag === "StageNode" && node.split !== undefined)) return Either.right(plan)
    const divided = dividedNodes(plan)
    return ordered(
      roots.map((node) => divided.get(node) ?? node),
      named,
    )
  })
}

/**
 * Whether a name given by the user means a node: the node's own name, its stage's, or a beginning of its name up to `.` or `@`
 * (`retrieve` means `retrieve.bm25` and `retrieve.tfidf@scifact`).
 */
export const namesNode = (given: string, node: PlanNode): boolean =>
  node.name === given ||
  (node._tag === "StageNode" && node.stage.name === given) ||
  node.name.startsWith(`${given}.`) ||
  node.name.startsWith(`${given}@`)

/** The names that mean a node, shortest first: `retrieve`, `retrieve.bm25`, `retrieve.bm25@scifact`. */
const beginnings = (name: string): ReadonlyArray<string> => [
  ...[...name.matchAll(/[.@]/g)].map(({ index }) => name.slice(0, index)),
  name,
]

/** Positions of the nodes that a name means: those of a target, else those that `namesNode`. */
const resolveName = (plan: Plan, given: string): Either.Either<ReadonlyArray<number>, UnknownTarget> => {
  const target = Object.hasOwn(plan.targets, given) ? plan.targets[given] : undefined
  const found = plan.nodes.filter(({ node }) =>
    target === undefined ? namesNode(given, node) : target.includes(node.name),
  )
  if (found.length > 0) return Either.right(found.map(({ index }) => index))
  const known = [...new Set([...Object.keys(plan.targets), ...plan.nodes.flatMap(({ node }) => beginnings(node.name))])]
  return Either.left(new UnknownTarget({ target: given, suggestion: nearestName(given, known), known }))
}

/** Names of the nodes that names given by the user mean (`--force`, `--explain`). */
export const nodesNamed = (plan: Plan, given: Iterable<string>): Either.Either<ReadonlySet<string>, UnknownTarget> => {
  const found = new Set<string>()
  for (const name of given) {
    const resolved = resolveName(plan, name)
    if (Either.isLeft(resolved)) return Either.left(resolved.left)
    for (const index of resolved.right) found.add(plan.nodes[index]!.node.name)
  }
  return Either.right(found)
}

/** The part of a plan that the given targets, nodes or stages need; in it, each of the given names is a target. */
export const selectTargets = (plan: Plan, given: ReadonlyArray<string>): Either.Either<Plan, UnknownTarget> => {
  const needed = new Set<number>()
  const targets: Record<string, ReadonlyArray<string>> = {}
  const need = (index: number): void => {
    if (needed.has(index)) return
    needed.add(index)
    for (const dependency of plan.nodes[index]!.dependencies) need(dependency)
  }
  for (const name of given) {
    const resolved = resolveName(plan, name)
    if (Either.isLeft(resolved)) return Either.left(resolved.left)
    targets[name] = resolved.right.map((index) => plan.nodes[index]!.node.name)
    for (const index of resolved.right) need(index)
  }
  const kept = plan.nodes.filter(({ index }) => needed.has(index))
  const names = new Set(kept.map(({ node }) => node.name))
  const moved = new Map(kept.map(({ index }, position) => [index, position]))
  return Either.right({
    nodes: kept.map(({ node, dependencies }, index) => ({
      node,
      index,
      dependencies: dependencies.flatMap((dependency) => moved.get(dependency) ?? []),
    })),
    targets,
    within: Object.fromEntries(Object.entries(plan.within).filter(([, of]) => of.some((name) => names.has(name)))),
  })
}

/** A plan as JSON: everything but the code that runs. */
export const PlanDocument = Schema.Struct({
  nodes: Schema.Array(
    Schema.Union(
      Schema.Struct({
        _tag: Schema.Literal("Stage"),
        name: Schema.String,
        stage: Schema.String,
        stageVersion: Schema.Int,
        config: JsonValue,
        inputs: Schema.Array(
          Schema.Struct({
            name: Schema.String,
            artifacts: Schema.Array(Schema.Struct({ node: Schema.String, output: Schema.String, kind: Schema.String })),
          }),
        ),
        outputs: Schema.Record({ key: Schema.String, value: Schema.String }),
      }),
      Schema.Struct({
        _tag: Schema.Literal("Source"),
        name: Schema.String,
        root: Schema.String,
        files: Schema.Array(Schema.String),
      }),
    ),
  ),
  targets: Schema.Record({ key: Schema.String, value: Schema.Array(Schema.String) }),
})
export type PlanDocument = typeof PlanDocument.Type

/** A plan as data: to print, to hash, to draw, to compare. */
export const planDocument = (plan: Plan): PlanDocument => ({
  nodes: plan.nodes.map(({ node }) =>
    node._tag === "SourceNode"
      ? { _tag: "Source", name: node.name, root: node.root, files: node.files }
      : {
          _tag: "Stage",
          name: node.name,
          stage: node.stage.name,
          stageVersion: node.stage.version,
          config: node.config,
          inputs: node.inputs.map(({ name, artifacts }) => ({
            name,
            artifacts: artifacts.map((artifact) => ({
              node: artifact.node.name,
              output: artifact.output,
              kind: artifact.kind.name,
            })),
          })),
          outputs: Object.fromEntries(Object.entries(node.stage.outputs).map(([name, kind]) => [name, kind.name])),
        },
  ),
  targets: plan.targets,
})

/**
 * Checks a plan that comes from outside: names unique and allowed, inputs present, nothing in a circle, and each node after
 * what it needs.
 */
export const checkPlanDocument = (document: PlanDocument): Either.Either<PlanDocument, PlanError> => {
  const byName = new Map<string, PlanDocument["nodes"][number]>()
  for (const node of document.nodes) {
    if (!nodeName.test(node.name)) return Either.left(new PlanError({ reason: "InvalidName", names: [node.name] }))
    if (byName.has(node.name)) return Either.left(new PlanError({ reason: "DuplicateName", names: [node.name] }))
    byName.set(node.name, node)
  }
  const needs = (node: PlanDocument["nodes"][number]) =>
    node._tag === "Source" ? [] : node.inputs.flatMap((input) => input.artifacts.map((artifact) => artifact.node))
  for (const node of document.nodes) {
    for (const name of needs(node)) {
      if (!byName.has(name)) return Either.left(new PlanError({ reason: "UnknownInput", names: [node.name, name] }))
    }
  }
  const done = new Set<string>()
  const sorted: Array<PlanDocument["nodes"][number]> = []
  const visit = (node: PlanDocument["nodes"][number], open: ReadonlyArray<string>): PlanError | undefined => {
    if (done.has(node.name)) return undefined
    const from = open.indexOf(node.name)
    if (from >= 0) return new PlanError({ reason: "Cycle", names: [...open.slice(from), node.name] })
    for (const name of needs(node)) {
      const needed = byName.get(name)
      const failure = needed === undefined ? undefined : visit(needed, [...open, node.name])
      if (failure !== undefined) return failure
    }
    done.add(node.name)
    sorted.push(node)
    return undefined
  }
  for (const node of document.nodes) {
    const failure = visit(node, [])
    if (failure !== undefined) return Either.left(failure)
  }
  for (const [target, names] of Object.entries(document.targets)) {
    const missing = names.find((name) => !byName.has(name))
    if (missing !== undefined)
      return Either.left(new PlanError({ reason: "UnknownTargetNode", names: [target, missing] }))
  }
  return Either.right({ ...document, nodes: sorted })
}
