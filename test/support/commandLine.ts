import { spawn } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { pathToFileURL } from "node:url"
import { bundleEntry, bundleFolder, bundleStart, validBundle } from "../../cli/Bundle.ts"
import { makeBundle } from "../../cli/launchBundle.ts"
import type * as Main from "../../cli/main.ts"
import { keepHints, lendHints } from "./sharedHints.ts"

const root = join(import.meta.dirname, "../..")

/** What a process left behind. */
export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** How a process is started. */
interface Start {
  /** Default: the project's root. */
  readonly cwd?: string
  /** The stream whose reader is gone before anything is written to it. */
  readonly unread?: "stdout" | "stderr"
}

/** A bundle that is being made: two at once would end each other's esbuild. */
let making: Promise<string> | undefined

/** The folder of the project's bundle, which is made where none is of these sources. */
const bundleOf = async (): Promise<string> => {
  const valid = making === undefined ? validBundle(root)?.id : undefined
  if (valid !== undefined) return join(bundleFolder(root), valid)
  making ??= makeBundle(root, "cli/main.ts").finally(() => {
    making = undefined
  })
  return join(bundleFolder(root), await making)
}

/** The store that a command line writes results to, if it does. */
const storeOf = (words: ReadonlyArray<string>, cwd: string): string | undefined => {
  const isRun = words.length === 0 || words[0]?.startsWith("-") === true
  const reads = ["--dry-run", "--graph", "--assert-hit", "--help"].some((word) => words.includes(word))
  if (!isRun || reads) return undefined
  const at = words.indexOf(words.includes("--cache") ? "--cache" : "--artifacts")
  return resolve(cwd, (at < 0 ? undefined : words[at + 1]) ?? "artifacts")
}

/** Runs what writes to a store with the fingerprints that other stores know, and keeps those that it makes. */
const sharing = async (words: ReadonlyArray<string>, cwd: string, run: () => Promise<Ended>): Promise<Ended> => {
  const store = storeOf(words, cwd)
  if (store === undefined) return run()
  const takeBack = lendHints(store)
  const ended = await run()
  keepHints(store)
  takeBack()
  return ended
}

/**
 * Runs the program with these words in a process of its own, as the launcher of `dag.ts` does: from the project's bundle. The two processes before it, tsx's and the launcher's, are `test/cli/launch.test.ts`'s.
 */
export const dagProcess = async (words: ReadonlyArray<string>, { cwd = root, unread }: Start = {}): Promise<Ended> => {
  const bundle = await bundleOf()
  const started = () =>
    new Promise<Ended>((done, failed) => {
      const start = ["--enable-source-maps", join(bundle, bundleStart)]
      const child = spawn(process.execPath, [...start, ...words], { cwd, stdio: ["ignore", "pipe", "pipe"] })
      let out = ""
      let err = ""
      child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text))
      child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text))
      if (unread !== undefined) child[unread].destroy()
      child.on("error", failed)
      child.on("close", (code) => done({ code, out, err }))
    })
  return sharing(words, cwd, started)
}

/**
 * Starts the program with these words in a process of its own, to be killed.
 *
 * @param before what runs it
 */
export const dagStarted = async (words: ReadonlyArray<string>, before: ReadonlyArray<string> = []) => {
  const bundle = await bundleOf()
  const [command = "", ...rest] = [
    ...before,
    process.execPath,
    "--enable-source-maps",
    join(bundle, bundleStart),
    ...words,
  ]
  const child = spawn(command, rest, {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  })
  let out = ""
  let err = ""
  child.stdout.on("data", (text: Buffer) => (out += text.toString()))
  child.stderr.on("data", (text: Buffer) => (err += text.toString()))
  const ended = new Promise<Ended>((done) => {
    child.on("close", (code) => done({ code, out, err }))
  })
  return { child, ended }
}

/** Runs the program with the reader of a stream gone before anything is written to it, as `| head -0` is. */
export const dagUnread = (unread: "stdout" | "stderr", ...words: ReadonlyArray<string>): Promise<Ended> =>
  dagProcess(words, { unread })

/** Collects what is written to a stream until `restore` is called. */
const collected = (stream: NodeJS.WriteStream) => {
  const own = Object.getOwnPropertyDescriptor(stream, "write")
  let text = ""
  stream.write = (
    chunk: string | Uint8Array,
    encoding?: BufferEncoding | ((error?: Error | null) => void),
    done?: (error?: Error | null) => void,
  ): boolean => {
    text += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString()
    const callback = typeof encoding === "function" ? encoding : done
    if (callback !== undefined) queueMicrotask(() => callback(null))
    return true
  }
  return {
    restore: (): string => {
      if (own === undefined) Reflect.deleteProperty(stream, "write")
      else Object.defineProperty(stream, "write", own)
      return text
    },
  }
}

/** What the bundle exports, beside what its process begins with. */
type Program = Pick<typeof Main, "exitCode">

let last: Promise<unknown> = Promise.resolve()

/**
 * Runs the program with these words here, from its bundle: what it prints, and the code that its process would end with. One after the
 * other, as the streams are this process's own. What is about processes (pipes, signals, what a second start finds) asks `dagProcess`.
 */
export const dag = (...words: ReadonlyArray<string>): Promise<Ended> => {
  const here = async (): Promise<Ended> => {
    // eslint-disable-next-line no-restricted-syntax -- the bundle is made while the tests run
    const { exitCode }: Program = await import(pathToFileURL(join(await bundleOf(), bundleEntry)).href)
    const [out, err] = [collected(process.stdout), collected(process.stderr)]
    try {
      const code = await exitCode(words)
      return { code, out: out.restore(), err: err.restore() }
    } finally {
      out.restore()
      err.restore()
    }
  }
  const running = last.then(() => sharing(words, process.cwd(), here))
  last = running.catch(() => undefined)
  return running
}

/** Writes a small BEIR folder: nine passages, four queries, test and dev judgements. */
export const writeTinyCollection = (folder: string): void => {
  mkdirSync(join(folder, "qrels"), { recursive: true })
  const passages = [
    ["d1", "The tower", "The old tower of the harbour was built in 1620."],
    ["d2", "", "A harbour with a tower and a light."],
    ["d3", "Bread", "Fresh bread is sold at the market every morning."],
    ["d4", "", "The market opens at seven in the morning."],
    ["d5", "", "Quiet gardens with roses and a fountain."],
    ["d6", "Roses", "Roses bloom in the quiet garden by the river."],
    ["d7", "", "The river floods in spring."],
    ["d8", "", "A museum of bread and old ovens."],
    ["d9", "", "Nothing in particular."],
  ]
  const queries = [
    ["q1", "when was the harbour tower built?"],
    ["q2", "quiet garden roses"],
    ["q3", "what time does the market open?"],
    ["q4", "bread museum"],
  ]
  writeFileSync(
    join(folder, "corpus.jsonl"),
    passages.map(([id, title, text]) => `${JSON.stringify({ _id: id, title, text })}\n`).join(""),
  )
  writeFileSync(
    join(folder, "queries.jsonl"),
    queries.map(([id, text]) => `${JSON.stringify({ _id: id, text })}\n`).join(""),
  )
  const qrels = (rows: ReadonlyArray<readonly [string, string, number]>): string =>
    ["query-id\tcorpus-id\tscore", ...rows.map((row) => row.join("\t"))].map((line) => `${line}\n`).join("")
  writeFileSync(
    join(folder, "qrels/test.tsv"),
    qrels([
      ["q1", "d1", 1],
      ["q2", "d5", 2],
      ["q2", "d6", 1],
    ]),
  )
  writeFileSync(
    join(folder, "qrels/dev.tsv"),
    qrels([
      ["q3", "d4", 1],
      ["q4", "d8", 1],
    ]),
  )
}
