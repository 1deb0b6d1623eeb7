import { execFileSync, spawnSync } from "node:child_process"
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

const versions = "/usr/lib/postgresql"
const [newest] = existsSync(versions) ? readdirSync(versions).sort((a, b) => Number(b) - Number(a)) : []
const bin = (program: string): string => join(versions, newest ?? "", "bin", program)

const isNodeNew = (): boolean => {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
  return major > 22 || (major === 22 && minor >= 12)
}

/** Why workers over a database cannot be tried here; `undefined` where they can. */
export const noPostgres: string | undefined =
  newest === undefined
    ? "Debian's postgresql is not installed"
    : !isNodeNew()
      ? `pg-boss needs Node.js 22.12, and this is ${process.version}: npx node@22 node_modules/vitest/vitest.mjs run …`
      : existsSync(join(import.meta.dirname, "../../node_modules/pg-boss"))
        ? undefined
        : "pg-boss is not installed: npm ci with Node.js 22.12 or newer"

/** A database server of its own on this machine. */
export interface PostgresServer {
  readonly address: string
  /** Ends it at once, as a power cut does. */
  readonly kill: () => void
  readonly start: () => void
  readonly stop: () => void
}

export const startPostgres = async (): Promise<PostgresServer> => {
  const folder = mkdtempSync(join(tmpdir(), "rankdag-postgres-"))
  const port = await new Promise<number>((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })
  // The server refuses to run as root.
  const isRoot = process.getuid?.() === 0
  const user = isRoot ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] : []
  const run = (...words: ReadonlyArray<string>) => {
    const [command = "", ...rest] = [...user, ...words]
    execFileSync(command, rest, { stdio: "ignore" })
  }
  if (isRoot) spawnSync("chown", ["postgres", folder])
  else chmodSync(folder, 0o700)
  const data = join(folder, "data")
  run(bin("initdb"), "-D", data, "-U", "lab", "-A", "trust", "-N", "-E", "UTF8")
  const options = `-p ${port} -k ${folder} -c listen_addresses=127.0.0.1 -c fsync=off`
  const start = () => run(bin("pg_ctl"), "-D", data, "-l", join(folder, "log"), "-o", options, "-w", "start")
  const kill = () => run(bin("pg_ctl"), "-D", data, "-m", "immediate", "-w", "stop")
  start()
  run(bin("createdb"), "-h", "127.0.0.1", "-p", String(port), "-U", "lab", "rankdag")
  return {
    address: `postgres://lab@127.0.0.1:${port}/rankdag`,
    start,
    kill,
    stop: () => {
      try {
        kill()
      } catch {
        // It was ended before.
      }
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
