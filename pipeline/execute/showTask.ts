import type { MadeNode, NodeMaking, NodeTask } from "../run/index.ts"
import type { TaskMessage } from "./TaskMessage.ts"

/** A task as far as it is shown. */
export interface ShownTask {
  readonly task: NodeTask
  readonly reason: Extract<MadeNode, { readonly _tag: "Made" }>["reason"]
  /** Whether the attempt that is under way was shown. */
  started: boolean
}

/** Shows that a task is at work, once each attempt. */
export const showStart = ({ emit }: Pick<NodeMaking, "emit">, each: ShownTask): void => {
  if (each.started) return
  each.started = true
  emit({ _tag: "NodeStarted", node: each.task.node.name, reason: each.reason })
}

/** Shows what a task says of its work. What it says of cores, of its readiness and of its end is its executor's to see to. */
export const showMessage = (making: Pick<NodeMaking, "emit">, each: ShownTask, message: TaskMessage): void => {
  const { emit } = making
  const node = each.task.node.name
  switch (message._tag) {
    case "Started":
      return showStart(making, each)
    case "Progress":
      // Its start may not have been heard.
      showStart(making, each)
      return emit({ _tag: "NodeProgress", node, progress: message.progress })
    case "Warning":
      return emit({ _tag: "NodeWarning", node, message: message.message })
    case "Damaged":
      return emit({ _tag: "ArtifactDamaged", node, damage: message.damage })
    case "Ready":
    case "AskCores":
    case "ReturnCores":
    case "Made":
    case "Found":
    case "Held":
    case "Failed":
      return
  }
}
