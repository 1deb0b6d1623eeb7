import * as Cause from "effect/Cause"
import * as Schema from "effect/Schema"
import { OutputClosed } from "./Terminal.ts"

/** A dry run, or `--assert-hit`, found work to do. */
export class WorkFound extends Schema.TaggedError<WorkFound>()("WorkFound", {
  nodes: Schema.Array(Schema.String),
  /** Whether standard output has said it already. */
  shown: Schema.Boolean,
}) {
  override get message(): string {
    return `${this.nodes.length} ${this.nodes.length === 1 ? "stage has" : "stages have"} work to do: ${this.nodes.join(", ")}`
  }
}

/** A model was looked at, and cannot be taken as it is; what is wrong stands in what was told. */
export class ModelUnfit extends Schema.TaggedError<ModelUnfit>()("ModelUnfit", {
  model: Schema.String,
  errors: Schema.Number,
}) {
  override get message(): string {
    return `${this.model} cannot be taken as it is: ${this.errors} ${this.errors === 1 ? "finding is an error" : "findings are errors"}`
  }
}

/** What the process exits with; `docs/SPEC.md` L4. */
export const exitCodes = {
  success: 0,
  failed: 1,
  usage: 2,
  unknownTarget: 3,
  store: 4,
  busy: 5,
  codeDiffers: 6,
  workFound: 10,
  interrupted: 130,
  /** As the shell says of a program that a closed pipe ended: 128 and the number of SIGPIPE. */
  pipeClosed: 141,
} as const

/** Error tags that mean that the command line, or what it names, was not understood. */
const usageTags: ReadonlySet<string> = new Set([
  "UsageError",
  "ConfigurationError",
  "ExtensionError",
  "UnknownDataset",
  "UnknownModel",
  "ModelUnsuitable",
  "FusionUnsuitable",
  "UnknownRun",
  "SystemNamedTwice",
  "PassagesUnsuitable",
  "SweepRefused",
  "FieldsUnsuitable",
  "PrecisionUnavailable",
  "DeviceUnavailable",
  "UnknownExecutor",
  "NoLog",
  "UnknownLayout",
  "UnreadableFile",
  "NotInLastRun",
  "WhichCollection",
  "ModelNotExported",
  "LogNotExported",
  "NotInitialised",
  "SystemNotAsked",
  "NoCatalog",
  "TablesNotHere",
  "SqlRefused",
  "AnswerTooLong",
  // @effect/cli's own
  "CommandMismatch",
  "CorrectedFlag",
  "HelpRequested",
  "InvalidArgument",
  "InvalidValue",
  "MissingFlag",
  "MissingSubcommand",
  "MissingValue",
  "MultipleValuesDetected",
  "NoBuiltInMatch",
  "UnclusteredFlag",
])

const tagOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "_tag" in error && typeof error._tag === "string" ? error._tag : ""

/** The exit code of an error. */
export const exitCodeOf = (error: unknown): number => {
  const tag = tagOf(error)
  if (usageTags.has(tag)) return exitCodes.usage
  switch (tag) {
    case "UnknownTarget":
    case "UnknownArtifact":
    case "PlanError":
      return exitCodes.unknownTarget
    case "StoreError":
    case "RemoteError":
    case "CatalogDamaged":
      return exitCodes.store
    case "StoreBusy":
    case "CatalogInUse":
    case "KeyHeld":
      return exitCodes.busy
    case "CodeDiffers":
    case "HardwareDiffers":
      return exitCodes.codeDiffers
    case "WorkFound":
      return exitCodes.workFound
    default:
      return exitCodes.failed
  }
}

/** The exit code of a cause: an interruption wins over what it made fail. */
export const exitCodeOfCause = (cause: Cause.Cause<unknown>): number => {
  const failure = Cause.failureOption(cause)
  const closed = [...Cause.failures(cause)].find((error) => error instanceof OutputClosed)
  if (closed !== undefined) return closed.of === "pipe" ? exitCodes.pipeClosed : exitCodes.interrupted
  if (Cause.isInterrupted(cause)) return exitCodes.interrupted
  return failure._tag === "Some" ? exitCodeOf(failure.value) : exitCodes.failed
}
