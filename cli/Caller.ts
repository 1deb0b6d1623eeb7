import { readFileSync } from "node:fs"

/** A process between whoever called and this one, and the parent that it had at first. */
interface Watched {
  /** None: this process itself. */
  readonly pid: number | undefined
  readonly parent: number
}

/** Where the system tells of its processes as Linux does; elsewhere only of this process it is known who its parent is. */
const read = (pid: number, what: "stat" | "cmdline"): string | undefined => {
  try {
    return readFileSync(`/proc/${pid}/${what}`, "latin1")
  } catch {
    return undefined
  }
}

const parentOf = (pid: number | undefined): number | undefined => {
  if (pid === undefined) return process.ppid
  // The name of the program, in brackets, may hold spaces and brackets.
  const [, parent] =
    read(pid, "stat")
      ?.replace(/^.*\) /s, "")
      .split(" ") ?? []
  return parent === undefined ? undefined : Number(parent)
}

const words = (pid: number): ReadonlyArray<string> => read(pid, "cmdline")?.split(/\0| /) ?? []
const isTsx = (pid: number): boolean =>
  words(pid).some((word) => /[\\/]tsx[\\/]dist[\\/]cli\.[cm]?js$|^tsx$|\.bin[\\/]tsx$/.test(word))
const isNpm = (pid: number): boolean =>
  words(pid)
    .slice(0, 2)
    .some((word) => /^(?:npm|npx|pnpm|yarn)(?:-cli)?(?:\.[cm]?js)?$/.test(word.replace(/^.*[\\/]/, "")))

/**
 * The processes that stand between the caller and this one for this program's sake alone: tsx, and npm with its shell. The
 * shell or service from which they were started may end before the program does, as `setsid` and a job in the background ask.
 */
const between = (): ReadonlyArray<Watched> => {
  const chain: Array<Watched> = [{ pid: undefined, parent: process.ppid }]
  const goOn = (pid: number): void => {
    const parent = parentOf(pid)
    if (parent !== undefined && parent > 1) chain.push({ pid, parent })
  }
  const above = process.ppid
  if (!isTsx(above)) return chain
  const shell = parentOf(above)
  if (shell === undefined) return chain
  if (isNpm(shell)) goOn(above)
  else {
    const npm = parentOf(shell)
    if (npm === undefined || !isNpm(npm)) return chain
    goOn(above)
    goOn(shell)
  }
  return chain
}

const watchMilliseconds = 200

/**
 * Calls back, once, when one of the processes that started this one is gone without having told it, as one that is killed
 * outright. The system then gives its child another parent, which is what is looked at, five times a second, from now on: so the
 * watch begins before anything that takes time.
 *
 * @returns ends the watch.
 */
export const onCallerGone = (gone: () => void): (() => void) => {
  const chain = between()
  const timer = setInterval(() => {
    if (chain.every(({ pid, parent }) => parentOf(pid) === parent)) return
    clearInterval(timer)
    gone()
  }, watchMilliseconds)
  timer.unref()
  return () => clearInterval(timer)
}
