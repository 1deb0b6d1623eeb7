import type { Reason } from "../keys/index.ts"
import type { Plan, Progress, StageError } from "../plan/index.ts"
import type { Damage, Moved, Owner } from "../store/index.ts"
import type { NodeReport, RunReport } from "./RunReport.ts"

/** What happens in a run, in the order in which it happens: all that a display needs. */
export type RunEvent =
  | { readonly _tag: "PlanReady"; readonly run: string; readonly plan: Plan; readonly jobs: number }
  /** Something about the store that the user should know. */
  | { readonly _tag: "StoreNotice"; readonly message: string }
  /** Another process works on the same key (or, without a node, collects garbage); this one waits for it. */
  | { readonly _tag: "NodeWaiting"; readonly node: string | undefined; readonly owner: Owner | undefined }
  | { readonly _tag: "NodeStarted"; readonly node: string; readonly reason: Reason }
  /** At most about ten a second for each node. */
  | { readonly _tag: "NodeProgress"; readonly node: string; readonly progress: Progress }
  /** Said by the stage: when it ran, or, on a hit, when it had run. */
  | { readonly _tag: "NodeWarning"; readonly node: string; readonly message: string }
  | { readonly _tag: "NodeFinished"; readonly node: string; readonly report: NodeReport }
  | { readonly _tag: "NodeFailed"; readonly node: string; readonly error: StageError; readonly report: NodeReport }
  | { readonly _tag: "NodeSkipped"; readonly node: string; readonly report: NodeReport }
  /** An output is coming from the store's remote, or a result going there; at most about ten a second for each node. */
  | {
      readonly _tag: "NodeMoving"
      readonly node: string
      readonly address: string
      readonly direction: Moved["direction"]
      readonly done: number
      /** Bytes. */
      readonly total: number
    }
  /** An output came from the store's remote, or a result went there. */
  | ({ readonly _tag: "NodeMoved"; readonly node: string; readonly address: string } & Moved)
  /** A stored result of this node is not as it was written; it was dropped and will be made again. */
  | { readonly _tag: "ArtifactDamaged"; readonly node: string; readonly damage: ReadonlyArray<Damage> }
  | { readonly _tag: "RunFinished"; readonly report: RunReport }
