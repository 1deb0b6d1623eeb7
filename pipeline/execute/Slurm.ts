import { execFile } from "node:child_process"
import { userInfo } from "node:os"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Labels } from "./Labels.ts"

/** Slurm could not be asked, or refused a job. */
export class SlurmError extends Schema.TaggedError<SlurmError>()("SlurmError", {
  /** The command: `sbatch`. */
  command: Schema.String,
  /** What it said, or why it could not be run. */
  said: Schema.String,
  missing: Schema.Boolean,
}) {
  override get message(): string {
    return this.missing
      ? `${this.command} is not there: --executor slurm works where Slurm's commands are, as on a login node.`
      : `${this.command} failed: ${this.said.trim()}`
  }
}

/** What a node needs, in words for `sbatch`: graphics cards, gigabytes, cores; any other label is a feature of nodes. */
export const needsWords = (needs: Labels): ReadonlyArray<string> => {
  const features: Array<string> = []
  const words = [...needs].flatMap(([name, amount]) => {
    switch (name) {
      case "gpu":
        return [`--gres=gpu:${amount}`]
      case "mem":
        return [`--mem=${amount}G`]
      case "cores":
        return [`--cpus-per-task=${amount}`]
      default:
        features.push(name)
        return []
    }
  })
  return [...words, ...(features.length === 0 ? [] : [`--constraint=${features.join("&")}`])]
}

/** Runs one of Slurm's commands. */
const slurm = (command: string, words: ReadonlyArray<string>, input = ""): Effect.Effect<string, SlurmError> =>
  Effect.async((resume) => {
    const child = execFile(command, words, { maxBuffer: 256 * 1024 * 1024 }, (error, out, said) => {
      if (error === null) return resume(Effect.succeed(out))
      const missing = error.code === "ENOENT"
      resume(Effect.fail(new SlurmError({ command, said: said === "" ? error.message : said, missing })))
    })
    child.stdin?.on("error", () => {})
    child.stdin?.end(input)
  })

/**
 * Submits an array of jobs.
 *
 * @param options the user's own, as `--partition=gpu`
 * @returns the array's number
 */
export const submitArray = (
  name: string,
  tasks: number,
  options: ReadonlyArray<string>,
  script: string,
): Effect.Effect<string, SlurmError> =>
  Effect.map(
    slurm(
      "sbatch",
      // Whether a task that was lost is made again is decided by its key, and not by Slurm.
      ["--parsable", "--no-requeue", `--job-name=${name}`, `--array=0-${tasks - 1}`, "--output=/dev/null", ...options],
      script,
    ),
    (out) => out.trim().split(";")[0] ?? "",
  )

/** Of a user's words for `sbatch` those that say where jobs run and on whose account; what they take is left out. */
export const placeWords = (options: ReadonlyArray<string>): ReadonlyArray<string> => {
  const long = ["--partition", "--account", "--qos", "--reservation", "--clusters"]
  const short = ["-p", "-A", "-q", "-M"]
  return options.flatMap((word, at) => {
    if (long.some((name) => word.startsWith(`${name}=`))) return [word]
    if (short.some((name) => word.startsWith(name) && word !== name)) return [word]
    const value = options[at + 1]
    return [...long, ...short].includes(word) && value !== undefined ? [word, value] : []
  })
}

/**
 * Submits a small job that begins when one of some arrays has ended, however it ended.
 *
 * @param output the file that it prints to
 */
export const submitAfter = (
  name: string,
  arrays: ReadonlyArray<string>,
  options: ReadonlyArray<string>,
  output: string,
  script: string,
): Effect.Effect<void, SlurmError> => {
  const after = arrays.map((array) => `afterany:${array}`).join("?")
  const own = [`--job-name=${name}`, `--dependency=${after}`, `--output=${output}`, "--ntasks=1", "--time=30"]
  return Effect.asVoid(
    slurm("sbatch", ["--parsable", "--no-requeue", "--open-mode=append", ...options, ...own], script),
  )
}

/** Takes back what waits under a name. */
export const cancelPending = (name: string): Effect.Effect<void> =>
  Effect.ignore(slurm("scancel", ["-Q", `--name=${name}`, `--user=${userInfo().username}`, "--state=PENDING"]))

/** A job, or an element of an array, that waits or runs. */
export interface SlurmTask {
  /** `123_4`, or `123` of no array. */
  readonly id: string
  readonly array: string
  readonly element: number | undefined
  /** `PENDING`, `RUNNING`, … */
  readonly state: string
  readonly name: string
  /** Why it waits, in Slurm's words. */
  readonly why: string
}

/** This user's jobs and elements of arrays whose name begins as given. */
export const queuedTasks = (prefix: string): Effect.Effect<ReadonlyArray<SlurmTask>, SlurmError> =>
  Effect.map(slurm("squeue", ["--me", "-h", "-r", "-o", "%i|%T|%j|%r"]), (out) =>
    out.split("\n").flatMap((line) => {
      const [id = "", state = "", name = "", why = ""] = line.trim().split("|")
      const [array = "", element] = id.split("_")
      const at = element === undefined ? undefined : Number(element)
      return name.startsWith(prefix) ? [{ id, array, element: at, state, name, why }] : []
    }),
  )

/** Takes jobs back; those that have ended are left. */
export const cancelTasks = (ids: ReadonlyArray<string>): Effect.Effect<void> =>
  ids.length === 0 ? Effect.void : Effect.ignore(slurm("scancel", ["-Q", ...ids]))

/** What Slurm tells of how an element ended: `NODE_FAIL, exit code 0:9, on n3`; `undefined` where it does not know any such. */
export const endOfTask = (id: string): Effect.Effect<string | undefined> =>
  slurm("scontrol", ["-o", "show", "job", id]).pipe(
    Effect.map((out) => {
      const field = (name: string) => new RegExp(`(?:^| )${name}=(\\S+)`).exec(out)?.[1] ?? "unknown"
      return `${field("JobState")}, exit code ${field("ExitCode")}, on ${field("NodeList")}`
    }),
    Effect.orElseSucceed(() => undefined),
  )

/** A word, quoted for a shell. */
export const shellWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
