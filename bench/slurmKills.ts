// What is lost, and what comes out otherwise, where tasks, the run that asks, Slurm's nodes and its controller are killed: tasks of
// several seconds, so that kills hit work. `npx tsx bench/slurmKills.ts 10` for ten rounds; as root, with Debian's Slurm.
import { existsSync } from "node:fs"
import { noSlurm, startSlurm } from "../test/support/slurmCluster.ts"
import { dagProcess, dagStarted, isAlive, outputsOf, troublesomeRuns } from "../test/support/troublesomeRuns.ts"

if (noSlurm !== undefined) throw new Error(noSlurm)
const rounds = Number(process.argv[2] ?? 10)
const systems = ["alpha", "beta", "gamma", "delta"]
const cluster = await startSlurm()
process.env["SLURM_CONF"] = cluster.conf
const { close, journal, scratch, words } = troublesomeRuns()
const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

const wordsOf = (name: string, executor: string) =>
  words(
    name,
    name,
    [executor],
    ...[`retrieve.systems=${JSON.stringify(systems)}`, "rerank.threads=2"],
    ...systems.flatMap((system, at) => [`retrieve.${system}.waits=${5000 + 2000 * at}`]),
    ...["gamma", "delta"].map((system) => `retrieve.${system}.journal=${scratch}/${name}.journal`),
  )

const counts = { tasks: 0, runs: 0, slurmd: 0, slurmctld: 0 }
let lost = 0
let different = 0
let startedAgain = 0
const expected: Array<string> = []
for (let round = 0; round < rounds; round++) {
  const name = `round-${round}`
  let running = await dagStarted(wordsOf(name, "slurm"))
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
  for (let step = 0; !ended; step++) {
    await sleep(1500)
    const alive = journal(name).filter(({ pid }) => isAlive(pid))
    // A task that dies three times has failed, as it should: two of each are killed.
    const victim = alive.find(({ system }) => (killed.get(system) ?? 0) < 2)
    if (step % 2 === 1 && victim !== undefined) {
      killed.set(victim.system, (killed.get(victim.system) ?? 0) + 1)
      counts.tasks++
      process.kill(victim.pid, "SIGKILL")
    } else if (step === 4 && !ended) {
      counts.runs++
      running.child.kill("SIGKILL")
      running = await dagStarted(wordsOf(name, "slurm"))
      killed.clear()
      watch(running)
    } else if (step === 6) {
      counts.slurmd++
      cluster.kill("n2")
      cluster.start("n2")
    } else if (step === 8) {
      counts.slurmctld++
      cluster.kill("slurmctld")
      await sleep(1000)
      cluster.start("slurmctld")
    }
  }
  startedAgain += journal(name).length - new Set(journal(name).map(({ system }) => system)).size
  if (code !== 0) {
    lost++
    process.stdout.write(`${(await running.ended).err}\n`)
  } else {
    const outputs = JSON.stringify(
      Object.entries(outputsOf(await running.ended))
        .filter(([node]) => node !== "files")
        .map(([, hash]) => hash),
    )
    if (expected.length === 0) {
      const local = await dagProcess(wordsOf("local", "local"))
      expected.push(
        JSON.stringify(
          Object.entries(outputsOf(local))
            .filter(([node]) => node !== "files")
            .map(([, hash]) => hash),
        ),
      )
    }
    if (!expected.includes(outputs)) different++
  }
  if (!existsSync(`${scratch}/${name}`)) throw new Error("no store")
  const kills = Object.values(counts).reduce((sum, count) => sum + count, 0)
  process.stdout.write(
    `round ${round + 1}: ${kills} kills ${JSON.stringify(counts)}, lost ${lost}, otherwise than local ${different}, started again ${startedAgain}\n`,
  )
}
cluster.stop()
close()
