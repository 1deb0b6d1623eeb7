import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { actionKey, type Fingerprint, type KeyDocument } from "../keys/index.ts"
import type { Plan, PlannedNode, StageError, StageNode } from "../plan/index.ts"
import { ArtifactStore, type Manifest, type Owner } from "../store/index.ts"
import type { DuckDb } from "../tables/index.ts"
import type { Jobs } from "./Jobs.ts"
import { type MadeNode, type NodeMaking, type NodeTask, tryNode } from "./makeNode.ts"
import { inputsOf, nodeKey, shardFacts } from "./nodeKey.ts"
import { type DoneOutput, hitOutcome, sourceOutcome } from "./Outcome.ts"
import { planFingerprints } from "./PlanFingerprints.ts"
import { provenanceAbove } from "./provenanceAbove.ts"
import { recordedKeys } from "./RecordedKeys.ts"
import type { RunEvent } from "./RunEvent.ts"
import { makeSharing } from "./Sharing.ts"
import { codeDifferences, type StoredPlan } from "./StoredPlan.ts"

/** The code, or a package, here is another than where the plan was made: what was made here would be another result. */
export class CodeDiffers extends Schema.TaggedError<CodeDiffers>()("CodeDiffers", {
  key: Schema.String,
  /** Files of the project, packages and native libraries, with both versions. */
  differences: Schema.Array(Schema.String),
}) {
  override get message(): string {
    const shown = this.differences.slice(0, 10)
    const more = this.differences.length - shown.length
    const what = `${shown.join(", ")}${more > 0 ? ` and ${more} more` : ""}`
    return `${this.key.slice(0, 12)} is not made here: the code differs from that of the run that asks (${what}). Give both the same checkout and run npm ci.`
  }
}

/** The plan has no node with this key here, though the code is the same. */
export class KeyUnknown extends Schema.TaggedError<KeyUnknown>()("KeyUnknown", {
  key: Schema.String,
  node: Schema.UndefinedOr(Schema.String),
  /** What is asked of the node here, where it could be found out. */
  found: Schema.UndefinedOr(Schema.String),
  /** Nodes whose results are not in the store. */
  missing: Schema.Array(Schema.String),
}) {
  override get message(): string {
    if (this.node === undefined) {
      const without =
        this.missing.length === 0
          ? ""
          : `, as far as their inputs are in this store (those of ${this.missing.slice(0, 5).join(", ")} may not be)`
      return `No node of the plan has the key ${this.key.slice(0, 12)}${without}. Give the run again that asks for it.`
    }
    const { node } = this
    if (this.missing.length > 0) {
      return `${node} cannot be made as ${this.key.slice(0, 12)}: the results of ${this.missing.slice(0, 5).join(", ")} are not in this store. Give the store in which the run works, or run it again.`
    }
    const here = this.found === undefined ? "" : `; here it would be ${this.found.slice(0, 12)}`
    return `${node} has the key ${this.key.slice(0, 12)}${here}: files that the settings name, or modules from outside, differ here from those where the plan was made.`
  }
}

/** What another process asks for. */
export interface AskedKey {
  readonly key: string
  /** The node that has the key; left out, it is looked for. */
  readonly node?: string
  /** Whether it is made although its result is there. */
  readonly forced: boolean
}

/** What became of it; `Held`: another process is at work on it. */
export type MadeKey = MadeNode | { readonly _tag: "Held"; readonly owner: Owner | "unknown" }

/** Nodes on which a node builds, and the node, in the plan's order; all of the plan where none is named. */
const needed = (plan: Plan, name: string | undefined): ReadonlyArray<PlannedNode> => {
  if (name === undefined) return plan.nodes
  const wanted = new Set<number>()
  const visit = (planned: PlannedNode | undefined): void => {
    if (planned === undefined || wanted.has(planned.index)) return
    wanted.add(planned.index)
    for (const dependency of planned.dependencies) visit(plan.nodes[dependency])
  }
  visit(plan.nodes.find(({ node }) => node.name === name))
  return plan.nodes.filter(({ index }) => wanted.has(index))
}

/**
 * Makes the result of a key whose inputs are in the store: what each task on any machine does. The key is found by the code that is
 * here; where it is another than the one asked for, nothing is made and the error names what differs.
 *
 * @param purpose what others are told that this process does
 */
export const makeKey = (
  plan: Plan,
  stored: StoredPlan,
  asked: AskedKey,
  how: {
    readonly purpose: string
    readonly inJob: Jobs["inJob"]
    readonly onEvent: (event: RunEvent) => void
    readonly asker?: NodeMaking["asker"]
    /** Refuses a node that this machine cannot make. */
    readonly check?: (node: StageNode) => Effect.Effect<void, StageError>
  },
): Effect.Effect<MadeKey, StageError, ArtifactStore | Fingerprint | DuckDb> =>
  Effect.scoped(
    Effect.gen(function* () {
      const store = yield* ArtifactStore
      const prints = yield* planFingerprints
      const known = new Map<string, Readonly<Record<string, DoneOutput>>>()
      const manifests = new Map<string, Manifest>()
      const missing: Array<string> = []
      let found: string | undefined
      let task: NodeTask | undefined
      for (const planned of needed(plan, asked.node)) {
        const { node, dependencies } = planned
        if (node._tag === "SourceNode") {
          known.set(node.name, sourceOutcome(node, yield* prints.source(node), 0).outputs)
          continue
        }
        if (!dependencies.every((index) => known.has(plan.nodes[index]?.node.name ?? ""))) continue
        const inputs = inputsOf(node, (name) => known.get(name) ?? {})
        const manifestOf = (name: string) => manifests.get(name)
        const provenance = node.stage.provenance ? provenanceAbove(plan, planned, manifestOf, manifestOf) : undefined
        const document: KeyDocument = nodeKey(node, yield* prints.stage(node.stage), inputs, provenance)
        const key = actionKey(document)
        if (node.name === asked.node) found = key
        if (key === asked.key) {
          const facts = shardFacts(node, manifestOf)
          const { forced } = asked
          task = {
            node,
            key,
            document,
            inputs,
            provenance,
            facts,
            forced,
            depth: "sizes",
            workName: "task",
            reason: { _tag: "Asked" },
          }
          break
        }
        const result = yield* store.lookup(node.stage.name, key, "sizes")
        const manifest =
          result._tag === "Found"
            ? result.manifest
            : yield* store.remote?.find(node.stage.name, key, undefined) ?? Effect.succeed(undefined)
        if (manifest !== undefined) {
          known.set(node.name, hitOutcome(store, node, manifest, 0).outputs)
          manifests.set(node.name, manifest)
        } else if (node.name !== asked.node) missing.push(node.name)
      }
      if (task === undefined) {
        const differences = yield* codeDifferences(plan, stored)
        if (differences.length > 0) return yield* new CodeDiffers({ key: asked.key, differences })
        return yield* new KeyUnknown({
          key: asked.key,
          node: asked.node,
          found,
          missing: found === undefined ? missing : [],
        })
      }
      yield* how.check?.(task.node) ?? Effect.void
      yield* store.prepare
      const session = yield* store.session(how.purpose)
      const gone: Array<string> = []
      const sharing = makeSharing(store, session, how.onEvent)
      for (const { artifacts } of task.node.inputs) {
        for (const { node, output } of artifacts) {
          const record = known.get(node.name)?.[output]?.record
          if (record !== undefined && !(yield* sharing.bring(node.name, record))) gone.push(node.name)
        }
      }
      if (gone.length > 0) {
        return yield* new KeyUnknown({ key: asked.key, node: task.node.name, found: asked.key, missing: gone })
      }
      const got = yield* tryNode(
        {
          store,
          session,
          prints,
          keys: recordedKeys(store),
          sharing,
          emit: how.onEvent,
          inJob: how.inJob,
          ...(how.asker === undefined ? {} : { asker: how.asker }),
          stoppedBy: () => undefined,
        },
        task,
      )
      if (Either.isLeft(got)) return { _tag: "Held" as const, owner: got.left }
      if (got.right._tag === "Made") yield* sharing.share(task.node, got.right.manifest)
      return got.right
    }),
  )
