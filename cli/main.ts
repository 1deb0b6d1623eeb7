import * as CliConfig from "@effect/cli/CliConfig"
import * as Command from "@effect/cli/Command"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as ValidationError from "@effect/cli/ValidationError"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import packageJson from "../package.json" with { type: "json" }
import { checkArguments } from "./Arguments.ts"
import { compareCommand } from "./commands/compare.ts"
import { exportCommand } from "./commands/export.ts"
import { gcCommand } from "./commands/gc.ts"
import { lineageCommand } from "./commands/lineage.ts"
import { modelCommand } from "./commands/model.ts"
import { runCommand } from "./commands/run.ts"
import { schemaCommand } from "./commands/schema.ts"
import { showCommand } from "./commands/show.ts"
import { sqlCommand } from "./commands/sql.ts"
import { verifyCommand } from "./commands/verify.ts"
import { exitCodeOfCause, exitCodes, WorkFound } from "./ExitCode.ts"
import { writeError } from "./Terminal.ts"

const command = runCommand.pipe(
  Command.withSubcommands([
    sqlCommand,
    compareCommand,
    exportCommand,
    showCommand,
    modelCommand,
    gcCommand,
    verifyCommand,
    lineageCommand,
    schemaCommand,
  ]),
)

const parse = Command.run(command, { name: "rankdag", version: packageJson.version })

const messageOf = (error: unknown): string => {
  if (ValidationError.isValidationError(error)) return HelpDoc.toAnsiText(error.error).trim()
  return error instanceof Error ? error.message : String(error)
}

/** What went wrong, for people: the messages of errors; of bugs, the trace too. */
const describe = (cause: Cause.Cause<unknown>): string => {
  if (Cause.isInterruptedOnly(cause)) return "interrupted"
  const failures = [...Cause.failures(cause)]
  return failures.length > 0 ? failures.map(messageOf).join("\n") : Cause.pretty(cause, { renderErrorCause: true })
}

const program = (words: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    yield* checkArguments(words)
    // The first two words are what `process.argv` begins with.
    yield* parse(["node", "dag.ts", ...words])
  }).pipe(
    Effect.tapErrorCause((cause) => {
      const failure = Option.getOrUndefined(Cause.failureOption(cause))
      // @effect/cli has printed its own, and a dry run has shown what it found.
      const told = ValidationError.isValidationError(failure) || (failure instanceof WorkFound && failure.shown)
      return told ? Effect.void : writeError(`✗ ${describe(cause)}\n`)
    }),
    Effect.provide(Layer.merge(NodeContext.layer, CliConfig.layer({ showBuiltIns: false, isCaseSensitive: true }))),
  )

/** How long a signal that comes again is taken for the same one: a terminal's and the launcher's arrive one after the other. */
const sameSignalMilliseconds = 1000

/** Node's runtime takes a first signal as an interruption; without this, one that follows at once would kill what cleans up. */
const takeSignalsOnce = (): void => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      const ignore = (): void => {}
      process.on(signal, ignore)
      setTimeout(() => process.off(signal, ignore), sameSignalMilliseconds).unref()
    })
  }
}

/**
 * The command line: runs the program with the words after `dag.ts` and exits with its code. SIGINT and SIGTERM interrupt it,
 * which releases what its scopes hold.
 */
export const main = (words: ReadonlyArray<string>): void => {
  takeSignalsOnce()
  NodeRuntime.runMain(program(words), {
    disableErrorReporting: true,
    disablePrettyLogger: true,
    teardown: (exit, onExit) =>
      onExit(Exit.match(exit, { onSuccess: () => exitCodes.success, onFailure: exitCodeOfCause })),
  })
}
