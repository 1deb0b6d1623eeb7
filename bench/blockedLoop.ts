// Claim: a task whose event loop is blocked is taken once, however long that lasts. Two first stages that block theirs for some
// minutes, on Slurm and by workers over PostgreSQL, beside each other: `node --import tsx bench/blockedLoop.ts 10` for ten minutes,
// with what bench/slurmKills.ts and bench/postgresKills.ts need.
import { join } from "node:path"
import { noPostgres, startPostgres } from "../test/support/postgresServer.ts"
import { noSlurm, startSlurm } from "../test/support/slurmCluster.ts"
import { dagStarted, troublesomeRuns } from "../test/support/troublesomeRuns.ts"

for (const missing of [noSlurm, noPostgres]) if (missing !== undefined) throw new Error(missing)
const minutes = Number(process.argv[2] ?? 10)
const server = await startPostgres()
const cluster = await startSlurm()
process.env["SLURM_CONF"] = cluster.conf
const { close, journal, scratch, words } = troublesomeRuns()

const workers = []
for (let worker = 0; worker < 3; worker++) {
  workers.push(await dagStarted(["worker", "--executor", server.address, "--artifacts", join(scratch, "postgres")]))
}
const blocks = ["alpha", "beta"].map((system) => `retrieve.${system}.blocks=${minutes * 60_000}`)
const start = performance.now()
await Promise.all(
  [
    ["slurm", "slurm"],
    ["postgres", server.address],
  ].map(async ([name = "", executor = ""]) => {
    const { ended } = await dagStarted(words(name, name, [executor], ...blocks))
    const { code, err } = await ended
    const starts = ["alpha", "beta"].map((system) => journal(name).filter((each) => each.system === system).length)
    const seconds = ((performance.now() - start) / 1000).toFixed(0)
    process.stdout.write(`${name}: ended with ${code} after ${seconds} s; starts ${starts.join(" and ")}\n`)
    if (code !== 0) process.stdout.write(err)
  }),
)
for (const { child } of workers) child.kill("SIGKILL")
cluster.stop()
server.stop()
close()
