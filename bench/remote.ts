// Claim: a shared store moves large files in memory that does not grow with them, at a rate that hashing and the server decide; with
// everything in the local folder a run with nothing to do is as quick as without a remote; connections cut or changed at random bytes
// lead to no wrong result. Gigabytes, rounds of the whole process, and cuts may follow: tsx bench/remote.ts 2 5 500
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { closeSync, fsyncSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs"
import { copyFile, open } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { ArtifactStore, layerArtifactStore, run, verifyStore } from "../pipeline/index.ts"
import { folderContent } from "../pipeline/store/FolderContent.ts"
import { s3Remote } from "../pipeline/store/S3Remote.ts"
import { s3Environment, s3Store, startHarmfulProxy, startS3 } from "../test/support/s3Server.ts"
import { diamond, services } from "../test/support/smallDag.ts"

const [first = "2", ...others] = process.argv.slice(2)
const root = join(import.meta.dirname, "..")

const megabytesPerSecond = (bytes: number, seconds: number): string => `${(bytes / 1e6 / seconds).toFixed(0)} MB/s`

const timed = async <A>(body: () => Promise<A>): Promise<readonly [seconds: number, value: A]> => {
  const start = performance.now()
  const value = await body()
  return [(performance.now() - start) / 1000, value]
}

const large = (folder: string, gigabytes: number): void => {
  mkdirSync(folder, { recursive: true })
  const file = openSync(join(folder, "large.bin"), "w")
  const chunk = Buffer.alloc(1 << 20)
  for (let i = 0; i < gigabytes * 1000; i++) {
    for (let word = 0; word < chunk.length; word += 4)
      chunk.writeUInt32LE(Math.imul(i * 262_144 + word, 2_654_435_761) >>> 0, word)
    writeSync(file, chunk)
  }
  fsyncSync(file)
  closeSync(file)
}

/** Peak memory of this process, MB. */
const peak = (): number => process.resourceUsage().maxRSS / 1024

/** In a process of its own: pushes a folder, or pulls it, and says how long that took and what it needed. */
const move = async (direction: string, folder: string, port: number): Promise<void> => {
  const content = await Effect.runPromise(folderContent(folder))
  const environment = s3Environment(port)
  const before = peak()
  const place = { bucket: "lab", prefix: "bench", address: "s3://lab/bench", environment, insecure: false }
  const cpu = process.cpuUsage()
  const [seconds] = await timed(
    (): Promise<unknown> =>
      direction === "push"
        ? Effect.runPromise(
            Effect.scoped(Effect.flatMap(s3Remote(place), ({ push }) => push(content, folder, true, () => {}))),
          )
        : Effect.runPromise(
            Effect.flatMap(ArtifactStore, ({ remote }) => remote?.bring(content) ?? Effect.succeed(false)).pipe(
              Effect.provide(layerArtifactStore(s3Store(`${folder}-${direction}`, port, "bench"))),
              Effect.filterOrDie(
                (brought) => brought,
                () => new Error("it did not come as it was sent"),
              ),
            ),
          ),
  )
  const { system, user } = process.cpuUsage(cpu)
  console.log(
    `${direction} ${(content.bytes / 1e9).toFixed(2)} GB: ${seconds.toFixed(1)} s, ${megabytesPerSecond(content.bytes, seconds)}, of them ${((user + system) / 1e6).toFixed(1)} s of this process's own; memory ${before.toFixed(0)} MB → at most ${peak().toFixed(0)} MB`,
  )
}

const again = (...words: ReadonlyArray<string>): ChildProcess =>
  spawn(process.execPath, ["--import", "tsx", import.meta.filename, ...words], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
  })

const ended = (child: ChildProcess): Promise<string> =>
  new Promise((done, failed) => {
    let out = ""
    child.stdout?.on("data", (text: Buffer) => (out += text.toString()))
    child.on("close", (code) => (code === 0 ? done(out.trim()) : failed(new Error(`ended with ${code}`))))
  })

/** Starts the server in a process of its own. */
const served = (folder: string): Promise<readonly [ChildProcess, number]> => {
  const child = again("serve", folder)
  return new Promise((done) => child.stdout?.once("data", (text: Buffer) => done([child, Number(text.toString())])))
}

const transfers = async (folder: string, gigabytes: number): Promise<void> => {
  const [server, port] = await served(join(folder, "s3"))
  try {
    for (const size of [gigabytes / 8, gigabytes]) {
      const source = join(folder, `source-${size}`)
      large(source, size)
      const copied = join(folder, "copy.bin")
      const [copying] = await timed(async () => {
        await copyFile(join(source, "large.bin"), copied)
        const file = await open(copied, "r")
        await file.sync()
        await file.close()
      })
      rmSync(copied)
      const [hashing] = await timed(() => Effect.runPromise(folderContent(source)))
      const bytes = size * 1000 * 2 ** 20
      console.log(
        `${(bytes / 1e9).toFixed(2)} GB: plain copy with fsync ${megabytesPerSecond(bytes, copying)}, SHA-256 ${megabytesPerSecond(bytes, hashing)}`,
      )
      for (const direction of ["push", "pull"]) console.log(await ended(again("move", direction, source, String(port))))
      rmSync(source, { recursive: true })
      rmSync(`${source}-pull`, { recursive: true })
    }
  } finally {
    server.kill()
  }
}

const harm = async (folder: string, cuts: number): Promise<void> => {
  let seed = 7
  const draw = (below: number): number => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed % below
  }
  const s3 = await startS3(join(folder, "harmed"))
  const proxy = await startHarmfulProxy(s3.port, () => {
    const kind = draw(4)
    if (kind === 0) return { cutAnswerAt: draw(1500) }
    if (kind === 1) return { cutRequestAt: draw(2500) }
    return kind === 2 ? { flipAnswerAt: draw(6000) } : { cutAnswerAt: 1000 + draw(10_000) }
  })
  const runIn = (store: string | Parameters<typeof services>[0]) =>
    Effect.runPromise(run(diamond()).pipe(Effect.provide(services(store))))
  const hashesOf = ({ nodes }: Awaited<ReturnType<typeof runIn>>) =>
    JSON.stringify(nodes.map(({ outputs }) => outputs["text"]?.hash))
  const truth = hashesOf(await runIn(join(folder, "truth")))
  let [runs, wrong, damaged] = [0, 0, 0]
  const start = performance.now()
  while (proxy.done.cut < cuts) {
    const store = join(folder, `machine-${runs}`)
    if (hashesOf(await runIn(s3Store(store, proxy.port, `round-${runs >> 1}`))) !== truth) wrong++
    damaged += (await Effect.runPromise(verifyStore().pipe(Effect.provide(services(store))))).damaged.length
    rmSync(store, { recursive: true })
    runs++
  }
  console.log(
    `${proxy.done.cut} connections cut and ${proxy.done.flipped} bytes changed in ${runs} runs, ${((performance.now() - start) / 1000).toFixed(0)} s: ${wrong} with wrong results, ${damaged} damaged`,
  )
  await proxy.stop()
  await s3.stop()
}

const starts = async (folder: string, rounds: number): Promise<void> => {
  const [server, port] = await served(join(folder, "starts"))
  const words = ["--set", "ingest.passages=1000", "--set", "train.models=[]"]
  const seconds = (...more: ReadonlyArray<string>): number => {
    const start = performance.now()
    const { status, stderr } = spawnSync(process.execPath, ["--import", "tsx", "dag.ts", ...words, ...more], {
      cwd: root,
      encoding: "utf8",
      env: { ...process.env, ...s3Environment(port) },
    })
    if (status !== 0) throw new Error(stderr)
    return (performance.now() - start) / 1000
  }
  try {
    const alone = ["--artifacts", join(folder, "alone")]
    const shared = ["--artifacts", "s3://lab/starts", "--cache", join(folder, "cache")]
    for (const place of [alone, shared]) seconds(...place)
    await new Promise((done) => setTimeout(done, 2100))
    const least = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
    for (let round = 0; round < rounds; round++) {
      for (const [i, place] of [alone, shared].entries()) least[i] = Math.min(least[i] ?? 0, seconds(...place))
    }
    const [a = 0, b = 0] = least
    console.log(
      `nothing to do, whole process, least of ${rounds}: a folder ${a.toFixed(2)} s, with S3 behind it ${b.toFixed(2)} s, ${(b / a).toFixed(2)} ×`,
    )
  } finally {
    server.kill()
  }
}

if (first === "serve") {
  const { port } = await startS3(others[0] ?? "")
  console.log(port)
} else if (first === "move") {
  const [direction = "", folder = "", port = ""] = others
  await move(direction, folder, Number(port))
} else {
  const [rounds = 5, cuts = 500] = others.map(Number)
  const folder = mkdtempSync(join(tmpdir(), "rankdag-remote-"))
  try {
    await starts(folder, rounds)
    await transfers(folder, Number(first))
    await harm(folder, cuts)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
