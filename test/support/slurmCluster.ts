import { execFileSync, spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { hostname, tmpdir } from "node:os"
import { join } from "node:path"

const has = (command: string): boolean => spawnSync("sh", ["-c", `command -v ${command}`]).status === 0

/** Why no cluster can be started here; `undefined` where one can. */
export const noSlurm: string | undefined = !["slurmctld", "slurmd", "sbatch"].every(has)
  ? "Debian's slurmctld, slurmd and slurm-client are not installed"
  : process.getuid?.() === 0
    ? undefined
    : "Slurm's daemons start as root alone"

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.on("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

/** A cluster of its own on this machine: a controller, and nodes of two processors each. */
export interface SlurmCluster {
  /** For the environment of what is to use it. */
  readonly conf: string
  readonly squeue: () => string
  /** Where a node's own folder lies, for others to see. */
  readonly disk: (node: string) => string
  /** Kills a daemon: `slurmctld`, or a node's. */
  readonly kill: (daemon: string) => void
  readonly start: (daemon: string) => void
  readonly stop: () => void
}

/** @param own a folder that is another one on each node, as a disk of its own is */
export const startSlurm = async (nodes = 3, own?: string): Promise<SlurmCluster> => {
  const folder = mkdtempSync(join(tmpdir(), "rankdag-slurm-"))
  const conf = join(folder, "slurm.conf")
  const [host] = hostname().split(".")
  const names = Array.from({ length: nodes }, (_, at) => `n${at + 1}`)
  const lines = [
    "ClusterName=rankdag",
    `SlurmctldHost=${host}(127.0.0.1)`,
    ...["AuthType=auth/none", "CredType=cred/none", "SlurmUser=root", "SlurmdUser=root"],
    `SlurmctldPort=${await freePort()}`,
    `StateSaveLocation=${folder}/state`,
    `SlurmdSpoolDir=${folder}/spool-%n`,
    `SlurmctldPidFile=${folder}/slurmctld.pid`,
    `SlurmdPidFile=${folder}/%n.pid`,
    `SlurmctldLogFile=${folder}/slurmctld.log`,
    `SlurmdLogFile=${folder}/%n.log`,
    ...["ProctrackType=proctrack/linuxproc", "TaskPlugin=task/none", "SwitchType=switch/none", "MpiDefault=none"],
    ...["SelectType=select/cons_tres", "SelectTypeParameters=CR_CPU", "JobAcctGatherType=jobacct_gather/none"],
    ...["AccountingStorageType=accounting_storage/none", "ReturnToService=2", "SlurmdTimeout=30", "KillWait=2"],
    ...[
      "SlurmdParameters=config_overrides",
      "SchedulerParameters=sched_interval=1,batch_sched_delay=0",
      "MinJobAge=30",
    ],
  ]
  for (const name of names) {
    lines.push(`NodeName=${name} NodeHostname=${host} NodeAddr=127.0.0.1 Port=${await freePort()} CPUs=2 State=UNKNOWN`)
    mkdirSync(join(folder, `spool-${name}`))
  }
  lines.push(`PartitionName=main Nodes=${names.join(",")} Default=YES MaxTime=INFINITE State=UP`)
  mkdirSync(join(folder, "state"))
  writeFileSync(conf, `${lines.join("\n")}\n`)
  const env = { ...process.env, SLURM_CONF: conf }
  const diskOf = (node: string): string => join(folder, `disk-${node}`)
  const start = (daemon: string): void => {
    const words = daemon === "slurmctld" ? ["slurmctld", "-f", conf] : ["slurmd", "-f", conf, "-N", daemon]
    if (own === undefined || daemon === "slurmctld") return void execFileSync("env", words, { env, stdio: "ignore" })
    const disk = diskOf(daemon)
    for (const each of [disk, own]) mkdirSync(each, { recursive: true })
    const mounted = ["--mount", "sh", "-c", 'mount --bind "$0" "$1" && shift && exec "$@"', disk, own]
    execFileSync("unshare", [...mounted, ...words], { env, stdio: "ignore" })
  }
  const kill = (daemon: string): void => {
    try {
      process.kill(Number(readFileSync(join(folder, `${daemon}.pid`), "utf8")), "SIGKILL")
    } catch {
      // It has ended.
    }
  }
  for (const daemon of ["slurmctld", ...names]) start(daemon)
  const idle = () =>
    spawnSync("sinfo", ["-h", "-o", "%t %D"], { env, encoding: "utf8" }).stdout.includes(`idle ${nodes}`)
  for (let waited = 0; !idle(); waited++) {
    if (waited > 150) throw new Error(`no nodes: ${readFileSync(join(folder, "slurmctld.log"), "utf8").slice(-2000)}`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  return {
    conf,
    disk: diskOf,
    squeue: () => spawnSync("squeue", ["-h", "-r", "-o", "%i %T"], { env, encoding: "utf8" }).stdout,
    kill,
    start,
    stop: () => {
      spawnSync("scancel", ["--me"], { env })
      for (const daemon of [...names, "slurmctld"]) kill(daemon)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
