import * as CliConfig from "@effect/cli/CliConfig"
import * as Command from "@effect/cli/Command"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as ValidationError from "@effect/cli/ValidationError"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import packageJson from "../package.json" with { type: "json" }
import { causeText } from "../schemas/index.ts"
import { readArguments, type Vocabulary, vocabulary } from "./Arguments.ts"
import { compareCommand } from "./commands/compare.ts"
import { exportCommand } from "./commands/export.ts"
import { gcCommand } from "./commands/gc.ts"
import { initCommand } from "./commands/init.ts"
import { lineageCommand } from "./commands/lineage.ts"
import { logsCommand } from "./commands/logs.ts"
import { makeCommand } from "./commands/make.ts"
import { modelCommand } from "./commands/model.ts"
import { runCommand } from "./commands/run.ts"
import { schemaCommand } from "./commands/schema.ts"
import { searchCommand } from "./commands/search.ts"
import { showCommand } from "./commands/show.ts"
import { sqlCommand } from "./commands/sql.ts"
import { submitCommand } from "./commands/submit.ts"
import { verifyCommand } from "./commands/verify.ts"
import { workerCommand } from "./commands/worker.ts"
import { exitCodeOfCause, exitCodes, WorkFound } from "./ExitCode.ts"
import { type Declared, renderHelp } from "./Help.ts"
import { OutputClosed, outputClosed, writeError, writeOut } from "./Terminal.ts"

const commands = [
  sqlCommand,
  compareCommand,
  exportCommand,
  showCommand,
  searchCommand,
  modelCommand,
  makeCommand,
  logsCommand,
  workerCommand,
  submitCommand,
  gcCommand,
  verifyCommand,
  lineageCommand,
  schemaCommand,
  initCommand,
] as const

const command = runCommand.pipe(Command.withSubcommands(commands))

/** What the commands declare of themselves. */
export const declared: Declared = { run: command.descriptor, commands: commands.map(({ descriptor }) => descriptor) }

const parse = Command.run(command, { name: "rankdag", version: packageJson.version })

/** @effect/cli's words, without its colours. */
const plainText = (doc: HelpDoc.HelpDoc): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character begins a colour
  HelpDoc.toAnsiText(doc)
    .replaceAll(/\u001b\[[0-9;]*m/g, "")
    .trim()

const messageOf = (error: unknown): string => {
  if (ValidationError.isValidationError(error)) return plainText(error.error)
  return causeText(error)
}

/** What went wrong, for people: the messages of errors; of bugs, the trace too. */
const describe = (cause: Cause.Cause<unknown>): string => {
  if (Cause.isInterruptedOnly(cause)) return "interrupted"
  const failures = [...Cause.failures(cause)]
  return failures.length > 0 ? failures.map(messageOf).join("\n") : Cause.pretty(cause, { renderErrorCause: true })
}

/** The names of a command's subcommands, in the order in which the vocabulary has them. */
const subcommandsAt = (path: ReadonlyArray<string>): ReadonlyArray<string> =>
  Object.keys(
    path.reduce<Vocabulary | undefined>((above, name) => above?.subcommands?.[name], vocabulary)?.subcommands ?? {},
  )

/** What @effect/cli prints goes the way of all that is printed; its errors are told as ours are. */
const printing = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Console.consoleWith((console) =>
    Effect.withConsole(effect, {
      ...console,
      // Some of what it prints has a line end of its own.
      log: (...said) => Effect.ignore(writeOut(`${said.map(String).join(" ").trimEnd()}\n`)),
      error: () => Effect.void,
    }),
  )

/** An option of one letter has two dashes here, as all have; @effect/cli wants one. */
const withShortOptions = (words: ReadonlyArray<string>): ReadonlyArray<string> => {
  const end = words.indexOf("--")
  return words.map((word, at) => ((end < 0 || at < end) && /^--[a-z](?:=|$)/.test(word) ? word.slice(1) : word))
}

const program = (words: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const understood = yield* readArguments(words)
    if (understood.help) {
      return yield* writeOut(renderHelp(declared, understood.command, subcommandsAt(understood.command)))
    }
    // The first two words are what `process.argv` begins with.
    yield* printing(parse(["node", "dag.ts", ...withShortOptions(understood.words)]))
  }).pipe(
    Effect.tapErrorCause((cause) => {
      const failure = Option.getOrUndefined(Cause.failureOption(cause))
      // A dry run has shown what it found, and nobody is there to be told that nobody is there.
      const told = failure instanceof OutputClosed || (failure instanceof WorkFound && failure.shown)
      return told ? Effect.void : writeError(`✗ ${describe(cause)}\n`)
    }),
    Effect.provide(Layer.merge(NodeContext.layer, CliConfig.layer({ showBuiltIns: false, isCaseSensitive: true }))),
  )

const codeOf = Exit.match({ onSuccess: (): number => exitCodes.success, onFailure: exitCodeOfCause })

/**
 * Does what the words after `dag.ts` ask for in a process that goes on, as `main` does in one that ends: neither signals nor closed
 * pipes are looked at.
 *
 * @returns what `main` would exit with
 */
export const exitCode = (words: ReadonlyArray<string>): Promise<number> =>
  Effect.runPromiseExit(program(words)).then(codeOf)

/** How long a signal that comes again is taken for the same one: a terminal's and the launcher's arrive one after the other. */
const sameSignalMilliseconds = 1000

/**
 * Node's runtime takes SIGINT and SIGTERM for an interruption. Here a closed terminal and Ctrl-\\ are taken for one too, and a
 * signal that follows at once does not kill what cleans up.
 */
const takeSignals = (): void => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const) {
    process.once(signal, () => {
      const ignore = (): void => {}
      process.on(signal, ignore)
      setTimeout(() => process.off(signal, ignore), sameSignalMilliseconds).unref()
      if (signal === "SIGHUP" || signal === "SIGQUIT") process.emit("SIGTERM")
    })
  }
}

/**
 * The command line: runs the program with the words after `dag.ts` and exits with its code. What asks it to end, a signal or the
 * end of whoever reads what it prints, interrupts it, which releases what its scopes hold.
 */
export const main = (words: ReadonlyArray<string>): void => {
  takeSignals()
  NodeRuntime.runMain(Effect.raceFirst(program(words), outputClosed), {
    disableErrorReporting: true,
    disablePrettyLogger: true,
    teardown: (exit, onExit) => onExit(codeOf(exit)),
  })
}
