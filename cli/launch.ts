// The start of every command, so it imports only Node's own modules and files that import no more. What is behind it takes a
// second to load module by module; as one file it takes a tenth. So the program is kept as a bundle under node_modules/.cache,
// valid while every file it was made of is unchanged, and made anew otherwise. Stages stay in files of their own, loaded when
// they run.
import { spawn } from "node:child_process"
import { existsSync, rmSync, writeFileSync } from "node:fs"
import { constants } from "node:os"
import { join } from "node:path"
import { bundleFolder, bundleStart, validBundle } from "./Bundle.ts"
import { onCallerGone } from "./Caller.ts"

/** A module that starts a program. */
export interface Program {
  /** @param words the command line after the name of the script. */
  readonly main: (words: ReadonlyArray<string>) => unknown
}

export interface LaunchOptions {
  /** Absolute path of the project. */
  readonly root: string
  /** The program's module, from the root: exports `main`. */
  readonly entry: string
  /** Imports that module as it is; used where no bundle can be made or kept. */
  readonly source: () => Promise<Program>
  /** The command line after the name of the script. */
  readonly words: ReadonlyArray<string>
}

/** Marks a bundle as used by this process, so that no other removes it while stages may yet be loaded from it. */
const use = (folder: string): void => {
  const marker = join(folder, `used-by-${process.pid}`)
  try {
    writeFileSync(marker, "")
    process.once("exit", () => rmSync(marker, { force: true }))
  } catch {
    // A bundle in a folder that cannot be written is not removed from it either.
  }
}

/** What is done when whoever started this is gone, and how to look no longer. */
interface Caller {
  gone: () => unknown
  readonly unwatch: () => void
}

/** Looks out for the caller from now on. Until something else is asked for, this process ends as a signal ends it. */
const watchCaller = (): Caller => {
  const caller: Caller = {
    gone: () => process.kill(process.pid, "SIGTERM"),
    unwatch: onCallerGone(() => caller.gone()),
  }
  return caller
}

/** What asks a program to end: Ctrl-C, a service's stop, a closed terminal, Ctrl-\\. */
const endings = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const

/**
 * Runs a bundle in a process of its own and ends as it ends. It has neither tsx's hooks, which would look at every module, nor
 * tsx's impatience: tsx kills what does not answer a signal within a twentieth of a second, and a stage that computes cannot.
 * This process is idle, answers at once, and passes the signal on.
 */
const runBundle = (folder: string, words: ReadonlyArray<string>, caller: Caller): Promise<void> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--enable-source-maps", join(folder, bundleStart), ...words], {
      stdio: ["inherit", "inherit", "inherit", "ipc"],
    })
    const relay = (signal: NodeJS.Signals): void => {
      child.kill(signal)
    }
    for (const ending of endings) process.on(ending, relay)
    caller.gone = () => child.kill("SIGTERM")
    child.on("error", reject)
    child.on("exit", (code, signal) => {
      caller.unwatch()
      for (const ending of endings) process.off(ending, relay)
      process.exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal])
      resolve()
    })
  })

const prepared = async (options: LaunchOptions): Promise<string | undefined> => {
  const valid = validBundle(options.root)
  if (valid !== undefined) return valid.id
  try {
    const { makeBundle } = await import("./launchBundle.ts")
    return await makeBundle(options.root, options.entry)
  } catch {
    // An error in the source is told best by loading the source; a cache that cannot be written costs time, nothing else.
    return undefined
  }
}

/** Starts the program from a bundle of it, or from its source where there can be none. */
export const launch = async (options: LaunchOptions): Promise<void> => {
  // Whatever the caller's mask: what is written here is executed or believed later, so not everybody may write it.
  process.umask(process.umask(0o077) | 0o002)
  // Before a bundle is made, which takes a second in which the caller may be killed.
  const caller = watchCaller()
  const id = await prepared(options)
  const folder = id === undefined ? undefined : join(bundleFolder(options.root), id)
  if (folder !== undefined) use(folder)
  if (folder === undefined || !existsSync(join(folder, bundleStart))) {
    const program = await options.source()
    await program.main(options.words)
  } else {
    await runBundle(folder, options.words, caller)
  }
}
