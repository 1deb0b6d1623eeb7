export { inChildren, type TaskProgram } from "./inChildren.ts"
export { TaskDied, TaskFailed } from "./TaskError.ts"
export { decodeTaskReply, TaskMessage, type TaskReply } from "./TaskMessage.ts"
