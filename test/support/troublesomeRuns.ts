import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { dagProcess, dagStarted, type Ended, writeTinyCollection } from "./commandLine.ts"

/** Why tests that wait for minutes are left out; `undefined` where they are asked for. */
export const noDaemons: string | undefined =
  process.env["DAEMONS"] === undefined ? "those that wait for minutes run with DAEMONS=1" : undefined

/** Runs of two first stages that make trouble by their settings, and what they left behind. */
export interface TroublesomeRuns {
  readonly scratch: string
  /** Words of a run: `name` of its journal, store, words of an executor, settings. */
  readonly words: (
    name: string,
    store: string,
    executor: ReadonlyArray<string>,
    ...sets: ReadonlyArray<string>
  ) => ReadonlyArray<string>
  /** Which systems were started, and by which processes. */
  readonly journal: (name: string) => ReadonlyArray<{ readonly system: string; readonly pid: number }>
  readonly starts: (name: string, system: string) => number
  readonly close: () => void
}

export const troublesomeRuns = (): TroublesomeRuns => {
  const scratch = mkdtempSync(join(tmpdir(), "rankdag-executors-"))
  const collection = join(scratch, "tiny")
  writeTinyCollection(collection)
  const path = (name: string): string => join(scratch, `${name}.journal`)
  const journal: TroublesomeRuns["journal"] = (name) =>
    (existsSync(path(name)) ? readFileSync(path(name), "utf8") : "").split("\n").flatMap((line) => {
      const [system, pid] = line.split(" ")
      return system === undefined || pid === undefined ? [] : [{ system, pid: Number(pid) }]
    })
  return {
    scratch,
    journal,
    starts: (name, system) => journal(name).filter((start) => start.system === system).length,
    words: (name, store, executor, ...sets) => [
      ...["--dataset", collection, "--artifacts", join(scratch, store), "--executor", ...executor],
      ...["--quick", "--json", "--target", "retrieve", "--log", "plain"],
      ...["--stages", join(import.meta.dirname, "troublesome.ts")],
      ...['retrieve.systems=["alpha","beta"]', "candidates.from=alpha", `retrieve.alpha.journal=${path(name)}`]
        .concat(`retrieve.beta.journal=${path(name)}`, sets)
        .flatMap((set) => ["--set", set]),
    ],
    close: () => rmSync(scratch, { recursive: true, force: true }),
  }
}

interface Document {
  readonly stages: ReadonlyArray<{ readonly name: string; readonly status: string; readonly output: string }>
}

/** Hashes of what a run made, by node. */
export const outputsOf = ({ out, err }: Ended): Readonly<Record<string, string>> => {
  if (out === "") throw new Error(err)
  const document: Document = JSON.parse(out)
  return Object.fromEntries(document.stages.map(({ name, output }) => [name, output]))
}

export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ")
  } catch {
    return false
  }
}

export const until = async (what: () => boolean, seconds = 120): Promise<void> => {
  for (const start = performance.now(); !what(); ) {
    if (performance.now() - start > seconds * 1000) throw new Error(`waited for ${seconds} s`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

export { dagProcess, dagStarted }
