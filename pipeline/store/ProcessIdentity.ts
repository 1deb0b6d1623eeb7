import { execFileSync } from "node:child_process"
import { readFileSync, readlinkSync } from "node:fs"
import { hostname } from "node:os"
import * as Schema from "effect/Schema"

/** Which process: enough to tell later, on the same system, whether it still lives, also when its number was given again. */
export const ProcessIdentity = Schema.Struct({
  host: Schema.String,
  /** The running system: two processes that share it see each other's numbers. */
  system: Schema.String,
  pid: Schema.Int,
  /** When the process began, in the system's own terms. */
  started: Schema.String,
})
export type ProcessIdentity = typeof ProcessIdentity.Type

const attempt = (read: () => string): string | undefined => {
  try {
    return read()
  } catch {
    return undefined
  }
}

/** Start of a process; `undefined` where there is none, or only the remains of one that its parent has not collected. */
const processStart = (pid: number): string | undefined => {
  if (process.platform === "linux") {
    const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, "utf8"))
    if (stat === undefined) return undefined
    // The second field is the command in parentheses and may hold anything, so counting begins after the last one.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19]
  }
  const line = attempt(() =>
    execFileSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], { encoding: "utf8" }),
  )?.trim()
  return line === undefined || line === "" || line.startsWith("Z") ? undefined : line.replace(/^\S+\s+/, "")
}

const systemName = (): string => {
  const boot = attempt(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8"))?.trim() ?? ""
  // Containers on one machine share the boot but not the process numbers.
  const namespace = attempt(() => readlinkSync("/proc/self/ns/pid")) ?? ""
  return `${hostname()} ${boot} ${namespace}`.trim()
}

let own: ProcessIdentity | undefined

/** This process. */
export const thisProcess = (): ProcessIdentity => {
  own ??= { host: hostname(), system: systemName(), pid: process.pid, started: processStart(process.pid) ?? "" }
  return own
}

/** Whether a process lives; `unknown` for one on another system. */
export const isAlive = (identity: ProcessIdentity): "alive" | "dead" | "unknown" => {
  if (identity.system !== thisProcess().system) return "unknown"
  const started = processStart(identity.pid)
  return started !== undefined && started === identity.started ? "alive" : "dead"
}
