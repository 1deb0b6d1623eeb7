import { execFile, spawn } from "node:child_process"
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { bundleFolder, validBundle } from "../../cli/Bundle.ts"

const here = fileURLToPath(new URL("../..", import.meta.url))
const folders: Array<string> = []

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

const write = (root: string, files: Readonly<Record<string, string>>): void => {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
}

// Real processes, a real tsx, Effect, a lazily loaded stage with a thread; the launcher is the project's own.
const program = {
  "package.json": '{ "name": "fixture", "type": "module", "sideEffects": false }',
  "dag.ts": `
    import { launch } from "${here}/cli/launch.ts"
    await launch({
      root: import.meta.dirname,
      entry: "cli/main.ts",
      source: () => import("./cli/main.ts"),
      words: process.argv.slice(2),
    })`,
  "cli/main.ts": `
    import * as Effect from "effect/Effect"
    import { builtFrom, projectRoot } from "../pipeline/keys/RunningCode.ts"
    import { version } from "./version.ts"
    export const main = (words: ReadonlyArray<string>): Promise<void> =>
      Effect.runPromise(Effect.gen(function* () {
        if (words[0] === "fail") throw new Error("seen from its source")
        if (words[0] === "wait") {
          for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const) {
            process.on(signal, () => { console.log("interrupted by " + signal); process.exit(130) })
          }
          console.log("waiting")
          yield* Effect.never
        }
        const stage = words[0] === "stage" ? yield* Effect.promise(() => import("../stages/stage.ts")) : undefined
        console.log(JSON.stringify({
          version, words, projectRoot, copied: builtFrom() !== undefined,
          stage: stage === undefined ? undefined : yield* Effect.promise(() => stage.run()),
        }))
      }))`,
  "cli/version.ts": "export const version: number = 1",
  "pipeline/keys/RunningCode.ts": readFileSync(join(here, "pipeline/keys/RunningCode.ts"), "utf8"),
  "pipeline/keys/FingerprintStamp.ts": readFileSync(join(here, "pipeline/keys/FingerprintStamp.ts"), "utf8"),
  "stages/stage.ts": `
    import { readFileSync } from "node:fs"
    import { Worker } from "node:worker_threads"
    import { double } from "external-fixture"
    export const run = () => new Promise((resolve, reject) => {
      const worker = new Worker(new URL("./thread.js", import.meta.url))
      worker.on("message", (message) => resolve([
        message,
        double(21),
        readFileSync(new URL("./words.txt", import.meta.url), "utf8"),
        readFileSync(new URL("./page.browser.ts", import.meta.url), "utf8"),
      ]))
      worker.on("error", reject)
    })`,
  "stages/thread.js": `
    import { register } from "tsx/esm/api"
    register()
    await import("./threadWork.ts")`,
  "stages/threadWork.ts": `
    import { parentPort } from "node:worker_threads"
    const text: string = "from a thread"
    parentPort?.postMessage(text)`,
  "stages/words.txt": "a the of",
  "stages/page.browser.ts": "document.title = `page`",
  "node_modules/external-fixture/package.json": '{ "main": "index.cjs", "version": "1.0.0" }',
  "node_modules/external-fixture/index.cjs": "exports.double = (value) => value * 2",
}

const project = (files: Readonly<Record<string, string>> = program): string => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "rankdag-launch-")))
  folders.push(root)
  write(root, files)
  for (const name of ["effect", "esbuild", "@esbuild", "tsx", "get-tsconfig", "resolve-pkg-maps"]) {
    const package_ = join(here, "node_modules", name)
    if (existsSync(package_)) symlinkSync(package_, join(root, "node_modules", name))
  }
  return root
}

const tsx = join(here, "node_modules/tsx/dist/cli.mjs")

const start = async (root: string, ...words: ReadonlyArray<string>) => {
  const { stdout } = await promisify(execFile)(process.execPath, [tsx, join(root, "dag.ts"), ...words], {
    cwd: tmpdir(),
  })
  const said: Record<string, unknown> = JSON.parse(stdout)
  return said
}

const settle = () => new Promise((done) => setTimeout(done, 2100))

/** Projects whose files are old enough to be relied on, one for each test that asks. */
const settled: Array<string> = []
const settledProject = (): string => {
  const root = settled.pop()
  if (root === undefined) throw new Error("each settled project is taken")
  return root
}
beforeAll(async () => {
  for (let count = 0; count < 4; count++) settled.push(project())
  await settle()
})

const bundles = (root: string) =>
  existsSync(bundleFolder(root)) ? readdirSync(bundleFolder(root)).filter((name) => !name.endsWith(".json")) : []

describe("starting", () => {
  it("K21 a second start uses the bundle of the first; an edit of any source makes another, at once", async () => {
    const root = settledProject()
    expect(await start(root, "--target", "eval")).toEqual({
      version: 1,
      words: ["--target", "eval"],
      projectRoot: root,
      copied: true,
    })
    const first = validBundle(root)
    expect(first).toBeDefined()
    expect(await start(root)).toMatchObject({ version: 1 })
    expect(bundles(root)).toEqual([first?.id])

    write(root, { "cli/version.ts": "export const version: number = 2" })
    expect(validBundle(root)).toBeUndefined()
    expect(await start(root)).toMatchObject({ version: 2, copied: true })
    // Younger than two seconds when bundled: used, but not relied on by the next start.
    expect(validBundle(root)).toBeUndefined()
    write(root, { "cli/version.ts": "export const version: number = 3" })
    expect(await start(root)).toMatchObject({ version: 3 })
    await settle()
    expect(await start(root)).toMatchObject({ version: 3 })
    expect(validBundle(root)).toBeDefined()

    // The same for what decides which packages are installed.
    write(root, { "node_modules/.package-lock.json": "{}" })
    expect(validBundle(root)).toBeUndefined()
  })

  it("K22 stages, threads, data files and packages are found from the bundle as from the source", async () => {
    const root = project()
    const stage = ["from a thread", 42, "a the of", "document.title = `page`"]
    expect(await start(root, "stage")).toMatchObject({ copied: true, stage })
    const [id = ""] = bundles(root)
    const names = readdirSync(join(bundleFolder(root), id))
    expect(names).toContain("stages.thread.mjs")
    expect(names.some((name) => name.startsWith("stage-"))).toBe(true)
    rmSync(join(root, "node_modules/.cache"), { recursive: true })
    writeFileSync(join(root, "node_modules/.cache"), "a file, so that no folder can be made")
    expect(await start(root, "stage")).toMatchObject({ copied: false, stage })
  })

  it("K23 two starts at once do not disturb each other", async () => {
    const root = settledProject()
    const both = await Promise.all([start(root, "stage"), start(root, "stage"), start(root)])
    expect(both.map(({ version }) => version)).toEqual([1, 1, 1])
    expect(validBundle(root)).toBeDefined()
    expect(readdirSync(bundleFolder(root)).filter((name) => name.endsWith(".tmp"))).toEqual([])
  })

  it("K23 old bundles are removed, but not one that a living process uses", async () => {
    const root = project()
    const old = (name: string) => join(bundleFolder(root), name)
    for (const name of ["unused", "used", "left", "recent"]) mkdirSync(old(name), { recursive: true })
    writeFileSync(join(old("used"), `used-by-${process.pid}`), "")
    // No process has this number: it is above the largest that Linux gives.
    writeFileSync(join(old("left"), "used-by-4194305"), "")
    for (const name of ["unused", "used", "left"]) utimesSync(old(name), 1_000_000, 1_000_000)
    await start(root)
    expect(bundles(root)).toHaveLength(3)
    expect(bundles(root)).toEqual(expect.arrayContaining(["used", "recent"]))
    const [made = ""] = bundles(root).filter((name) => name !== "used" && name !== "recent")
    expect(readdirSync(join(bundleFolder(root), made)).filter((name) => name.startsWith("used-by"))).toEqual([])
  })

  it("K36 K37 whatever the umask nobody else may write a bundle, and one that others could have written is not run", async () => {
    const root = settledProject()
    const open = `umask 0; exec "$@"`
    await promisify(execFile)("sh", ["-c", open, "sh", process.execPath, tsx, join(root, "dag.ts")], { cwd: tmpdir() })
    const folder = bundleFolder(root)
    const made = validBundle(root)
    expect(made).toBeDefined()
    const below = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => join(folder, name))
    expect(below.length).toBeGreaterThan(4)
    for (const path of [folder, ...below]) expect([path, statSync(path).mode & 0o022]).toEqual([path, 0])
    const files = [folder, "current.json", made?.id ?? "", `${made?.id}/main.mjs`, `${made?.id}/start.mjs`]
    for (const path of files.map((name) => (name === folder ? folder : join(folder, name)))) {
      const { mode } = statSync(path)
      for (const others of [0o020, 0o002]) {
        chmodSync(path, mode | others)
        expect([path, validBundle(root)]).toEqual([path, undefined])
      }
      chmodSync(path, mode)
      expect(validBundle(root)).toBeDefined()
      if (process.getuid?.() !== 0) continue
      chownSync(path, 12_345, statSync(path).gid)
      expect([path, validBundle(root)]).toEqual([path, undefined])
      chownSync(path, 0, statSync(path).gid)
    }
  })

  it("K24 where no bundle can be kept, or one is damaged, the program starts all the same", async () => {
    const root = settledProject()
    expect(await start(root)).toMatchObject({ copied: true })
    const id = validBundle(root)?.id ?? ""
    writeFileSync(join(bundleFolder(root), id, "main.mjs"), "export const cut =")
    expect(validBundle(root)).toBeUndefined()
    expect(await start(root)).toMatchObject({ version: 1, copied: true })
    for (const text of ["", "{", "null", '{"id":3}', '{"id":"x","bundled":{},"sources":{}}']) {
      writeFileSync(join(bundleFolder(root), "current.json"), text)
      expect(validBundle(root)).toBeUndefined()
    }
    rmSync(join(root, "node_modules/.cache"), { recursive: true })
    writeFileSync(join(root, "node_modules/.cache"), "a file, so that no folder can be made")
    expect(await start(root)).toMatchObject({ version: 1, copied: false })
  })

  it("K24 an error in the source is told as if there were no launcher, traces name the source", async () => {
    const root = project()
    await expect(start(root, "fail")).rejects.toMatchObject({
      stderr: expect.stringMatching(/seen from its source[\s\S]*cli[\\/]main\.ts:7/),
    })
    write(root, { "cli/version.ts": "export const version = = 1" })
    await expect(start(root)).rejects.toMatchObject({
      stderr: expect.stringMatching(/version\.ts:1:23[\s\S]*Unexpected "="/),
    })
    write(root, { "cli/version.ts": 'import "./gone.ts"\nexport const version = 1' })
    await expect(start(root)).rejects.toMatchObject({ stderr: expect.stringContaining("gone.ts") })
  })

  /** Starts a program that waits, does something to what was started, and says what it said until all of it had ended. */
  const ended = (command: ReadonlyArray<string>, act: (pid: number) => void) => {
    const child = spawn(process.execPath, command, { stdio: ["ignore", "pipe", "inherit"], detached: true })
    let said = ""
    child.stdout.on("data", (data: Buffer) => {
      said += data.toString()
      if (said === "waiting\n" && child.pid !== undefined) act(child.pid)
    })
    // The pipe closes when the last process that holds it is gone.
    return new Promise<{ said: string; code: number | null }>((resolve) =>
      child.on("close", (code) => resolve({ said, code })),
    )
  }

  it("K25 an interrupt reaches the program, and its exit code the caller", async () => {
    const root = project()
    const { code, said } = await ended([tsx, join(root, "dag.ts"), "wait"], (pid) => process.kill(pid, "SIGINT"))
    expect(said).toBe("waiting\ninterrupted by SIGINT\n")
    expect(code).toBe(130)
  })

  it("K25 what a terminal sends to all of a program when it closes, and Ctrl-\\, reach the program", async () => {
    const root = project()
    for (const signal of ["SIGHUP", "SIGQUIT"] as const) {
      const { said } = await ended([tsx, join(root, "dag.ts"), "wait"], (pid) => process.kill(-pid, signal))
      expect(said).toBe(`waiting\ninterrupted by ${signal}\n`)
    }
  })

  it("K25 when the process that started it, or npm above that, is killed outright, the program is ended within a second", async () => {
    const root = project()
    const npm = join(root, "npm-cli.js")
    const words = ["-c", `'${process.execPath}' '${tsx}' '${join(root, "dag.ts")}' wait; true`]
    const text = `import { spawn } from "node:child_process"; spawn("sh", ${JSON.stringify(words)}, { stdio: "inherit" })`
    writeFileSync(npm, text)
    for (const command of [[tsx, join(root, "dag.ts"), "wait"], [npm]]) {
      let killed = 0
      const { said } = await ended(command, (pid) => {
        killed = performance.now()
        process.kill(pid, "SIGKILL")
      })
      expect(said).toBe("waiting\ninterrupted by SIGTERM\n")
      expect(performance.now() - killed).toBeLessThan(3000)
    }
  })

  it("K51 so it is when that happens while the bundle is made", async () => {
    const root = project()
    const command = [tsx, join(root, "dag.ts"), "wait"]
    const child = spawn(process.execPath, command, { stdio: ["ignore", "pipe", "inherit"], detached: true })
    let said = ""
    child.stdout.on("data", (data: Buffer) => (said += data.toString()))
    const closed = new Promise((resolve) => child.on("close", resolve))
    while (!existsSync(bundleFolder(root))) await new Promise((done) => setTimeout(done, 5))
    child.kill("SIGKILL")
    await closed
    expect(said).toMatch(/^(?:waiting\ninterrupted by SIGTERM\n)?$/)
  })

  it("K26 the project's own start loads neither esbuild nor a stage nor a native library", () => {
    const text = ["dag.ts", "cli/launch.ts", "cli/Bundle.ts", "cli/Caller.ts"]
      .map((file) => readFileSync(join(here, file), "utf8"))
      .join("")
    const imported = [...text.matchAll(/^import (?!type).* from "([^"]+)"$/gm)].map((match) => match[1])
    expect(imported.filter((name) => name?.startsWith("node:") !== true).sort()).toEqual([
      "../pipeline/keys/FingerprintStamp.ts",
      "../schemas/isRecord.ts",
      "./Bundle.ts",
      "./Caller.ts",
      "./cli/launch.ts",
    ])
    expect(readFileSync(join(here, "schemas/isRecord.ts"), "utf8")).not.toContain("import ")
    const stamp = readFileSync(join(here, "pipeline/keys/FingerprintStamp.ts"), "utf8")
    expect([...stamp.matchAll(/ from "([^"]+)"/g)].map((match) => match[1])).toEqual(["node:fs"])
  })
})
