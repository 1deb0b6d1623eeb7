import type { KeyDifference } from "./KeyDocument.ts"
import { renderDifference } from "./KeyDocument.ts"

/** Why a node does what it does: closed, so that nothing is ever shown as having run for no reason. */
export type Reason =
  /** The user's own files. */
  | { readonly _tag: "Source" }
  /** The result is in the store; `from` names its remote, where it was found there. */
  | { readonly _tag: "Hit"; readonly run: string; readonly at: string; readonly from?: string }
  | { readonly _tag: "Forced" }
  /** Its key was asked for by itself, without the run that it belongs to. */
  | { readonly _tag: "Asked" }
  /** No result of this stage was ever recorded. */
  | { readonly _tag: "NoPreviousRun" }
  /** What differs from the nearest recorded key of this stage. */
  | {
      readonly _tag: "KeyChanged"
      readonly differences: ReadonlyArray<KeyDifference>
      readonly nearest: { readonly key: string; readonly run: string; readonly at: string }
    }
  /** The result was recorded, but these files of it are gone (`output/file`). */
  | { readonly _tag: "OutputMissing"; readonly files: ReadonlyArray<string> }
  /** The result was recorded, but these files of it are not as they were written (`output/file`). */
  | { readonly _tag: "OutputDamaged"; readonly files: ReadonlyArray<string> }
  /** The result was removed to save space, or was damaged and dropped. */
  | { readonly _tag: "ResultGone"; readonly why: "collected" | "damaged"; readonly at: string }
  | { readonly _tag: "ManifestUnreadable"; readonly why: string }
  /** Before it is known what these nodes make, it is not known whether this one has to run. */
  | { readonly _tag: "WaitingFor"; readonly nodes: ReadonlyArray<string> }
  /** It was given to others, who make it without this run. */
  | { readonly _tag: "Left" }
  /** These nodes, which it needs, failed or were skipped. */
  | { readonly _tag: "DependencyFailed"; readonly nodes: ReadonlyArray<string> }
  /** Another node failed, and no new ones are started. */
  | { readonly _tag: "Stopped"; readonly failed: string }
  /** The run was interrupted before it ended. */
  | { readonly _tag: "Interrupted" }
  | { readonly _tag: "Failed"; readonly error: string; readonly message: string }

const list = (files: ReadonlyArray<string>): string =>
  files.length > 3 ? `${files.slice(0, 3).join(", ")} and ${files.length - 3} more` : files.join(", ")

/** A reason in lines for people: the first says it, the following ones name each ingredient that changed. */
export const renderReason = (reason: Reason): ReadonlyArray<string> => {
  switch (reason._tag) {
    case "Source":
      return ["files of your own"]
    case "Hit":
      return [reason.from === undefined ? `from run ${reason.run}` : `from run ${reason.run}, in ${reason.from}`]
    case "Forced":
      return ["forced"]
    case "Asked":
      return ["asked for by its key"]
    case "NoPreviousRun":
      return ["this stage never ran before"]
    case "KeyChanged":
      return [
        `changed since run ${reason.nearest.run}:`,
        ...reason.differences.map((difference) => `  ${renderDifference(difference)}`),
      ]
    case "OutputMissing":
      return [`files of the stored result are gone: ${list(reason.files)}`]
    case "OutputDamaged":
      return [`files of the stored result are damaged: ${list(reason.files)}`]
    case "ResultGone":
      return [
        reason.why === "collected"
          ? `the result was collected at ${reason.at}; nothing else changed`
          : `the result was damaged and dropped at ${reason.at}; nothing else changed`,
      ]
    case "ManifestUnreadable":
      return [`the record of the result cannot be read: ${reason.why}`]
    case "WaitingFor":
      return [`depends on what ${list(reason.nodes)} will make`]
    case "Left":
      return ["left to others, who make it without this run"]
    case "DependencyFailed":
      return [`needs ${list(reason.nodes)}, which did not succeed`]
    case "Stopped":
      return [`not started after ${reason.failed} failed`]
    case "Interrupted":
      return ["interrupted"]
    case "Failed":
      return [reason.message]
  }
}
