// What is lost, made twice or comes out otherwise, where tasks, workers, the run that asks and the database are killed: tasks of 5 to
// 26 seconds, so that kills hit work. With Debian's PostgreSQL, pg-boss and Node.js 22.12: `node --import tsx bench/postgresKills.ts 6`
// for six rounds.
import type { ChildProcess } from "node:child_process"
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { noPostgres, startPostgres } from "../test/support/postgresServer.ts"
import { dagProcess, dagStarted, isAlive, outputsOf, troublesomeRuns } from "../test/support/troublesomeRuns.ts"

if (noPostgres !== undefined) throw new Error(noPostgres)
const rounds = Number(process.argv[2] ?? 6)
const workersAtOnce = 3
const systems = ["alpha", "beta", "gamma", "delta"]
const server = await startPostgres()
const { close, journal, scratch, words } = troublesomeRuns()
const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

const wordsOf = (name: string, executor: string) =>
  words(
    name,
    name,
    [executor],
    ...[`retrieve.systems=${JSON.stringify(systems)}`, "rerank.threads=2"],
    ...systems.flatMap((system, at) => [`retrieve.${system}.waits=${5000 + 7000 * at}`]),
    ...["gamma", "delta"].map((system) => `retrieve.${system}.journal=${scratch}/${name}.journal`),
  )

/** Hashes of what a run made, one after the other. */
const hashesOf = (ended: Parameters<typeof outputsOf>[0]): string =>
  JSON.stringify(
    Object.entries(outputsOf(ended))
      .filter(([node]) => node !== "files")
      .map(([, hash]) => hash),
  )

/** The process that started a task's. */
const parentOf = (pid: number): number =>
  Number(
    readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /, "")
      .split(" ")[1],
  )

/** Each file of a result in a store, by its number on the disk. */
const manifestsOf = (store: string): ReadonlyMap<string, number> => {
  const folder = join(store, "manifests")
  const files = existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: "utf8" }) : []
  return new Map(
    files.flatMap((file) => {
      const stat = statSync(join(folder, file), { throwIfNoEntry: false })
      return stat?.isFile() ? [[file, stat.ino] as const] : []
    }),
  )
}

const kills = { tasks: 0, workers: 0, runs: 0, databases: 0 }
let [lost, different, twice, startedAgain] = [0, 0, 0, 0]
const local = await dagProcess(wordsOf("local", "local"))
const expected = hashesOf(local)
for (let round = 0; round < rounds; round++) {
  const name = `round-${round}`
  const workers = new Set<ChildProcess>()
  const work = async () => {
    const { child } = await dagStarted(["worker", "--executor", server.address, "--artifacts", join(scratch, name)])
    workers.add(child)
    child.on("exit", () => workers.delete(child))
  }
  for (let worker = 0; worker < workersAtOnce; worker++) await work()
  let running = await dagStarted(wordsOf(name, server.address))
  let ended = false
  let code: number | null = null
  const watch = (started: typeof running) =>
    void started.ended.then((end) => {
      if (started === running) {
        ended = true
        code = end.code
      }
    })
  watch(running)
  const killed = new Map<string, number>()
  const manifests = new Map<string, number>()
  const look = () => {
    for (const [file, number] of manifestsOf(join(scratch, name))) {
      if ((manifests.get(file) ?? number) !== number) twice++
      manifests.set(file, number)
    }
  }
  for (let step = 0; !ended; step++) {
    for (let waited = 0; waited < 10 && !ended; waited++) {
      await sleep(200)
      look()
    }
    // A task that dies three times has failed, as it should: two of each are killed.
    const victim = journal(name).find(({ pid, system }) => isAlive(pid) && (killed.get(system) ?? 0) < 2)
    if (victim !== undefined && step % 2 === 1) {
      const { pid, system } = victim
      const before = killed.get(system) ?? 0
      killed.set(system, before + 1)
      if (before === 0) {
        kills.tasks++
        process.kill(pid, "SIGKILL")
      } else {
        kills.workers++
        process.kill(parentOf(pid), "SIGKILL")
        await work()
      }
    } else if (step % 12 === 4) {
      kills.runs++
      running.child.kill("SIGKILL")
      running = await dagStarted(wordsOf(name, server.address))
      watch(running)
    } else if (step % 12 === 6 || step % 12 === 10) {
      kills.databases++
      server.kill()
      await sleep(1000)
      server.start()
    }
  }
  look()
  for (const worker of workers) worker.kill("SIGKILL")
  startedAgain += journal(name).length - new Set(journal(name).map(({ system }) => system)).size
  const end = await running.ended
  if (code !== 0) {
    lost++
    process.stdout.write(`${end.err}\n`)
  } else if (hashesOf(end) !== expected) different++
  const sum = Object.values(kills).reduce((total, count) => total + count, 0)
  process.stdout.write(
    `round ${round + 1}: ${sum} kills ${JSON.stringify(kills)}, lost ${lost}, written twice ${twice}, otherwise than local ${different}, started again ${startedAgain}\n`,
  )
}
server.stop()
close()
