import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { parseAllDocuments } from "yaml"
import { readArguments, type Vocabulary, vocabulary } from "../cli/Arguments.ts"
import { readSettings } from "../cli/Settings.ts"
import { postgresConnection } from "../pipeline/execute/PostgresAddress.ts"
import { DeviceChoice } from "../schemas/index.ts"
import { recogniseLayout } from "../stages/ingest/index.ts"
import { dag, writeTinyCollection } from "./support/commandLine.ts"

const root = join(import.meta.dirname, "..")
const scratch = mkdtempSync(join(tmpdir(), "rankdag-docs-"))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
vi.setConfig({ testTimeout: 240_000 })

/** The words of a shell's line: quotes and comments are read, variables and pipes are left as they are. */
const shellWords = (line: string): ReadonlyArray<string> =>
  [...line.matchAll(/(?:[^\s'"#]+|'[^']*'|"[^"]*")+|#.*$/g)]
    .map(([word]) => word)
    .filter((word) => !word.startsWith("#"))
    .map((word) => word.replaceAll(/'([^']*)'|"([^"]*)"/g, "$1$2"))

interface Command {
  readonly page: string
  readonly line: string
  /** After `dag.ts`. */
  readonly words: ReadonlyArray<string>
}

const pages = [
  "README.md",
  ...readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
]

/** What is read of a workload on Kubernetes. */
const Workload = Schema.Struct({
  apiVersion: Schema.Literal("apps/v1", "batch/v1"),
  kind: Schema.String,
  spec: Schema.Struct({
    template: Schema.Struct({
      spec: Schema.Struct({
        containers: Schema.NonEmptyArray(
          Schema.Struct({
            command: Schema.Array(Schema.String),
            args: Schema.Array(Schema.String),
            env: Schema.optional(Schema.Unknown),
            envFrom: Schema.Unknown,
          }),
        ),
      }),
    }),
  }),
})

/** Every command of the program in the shell blocks of README.md and docs/, once, in the order in which a reader meets it. */
const commands: ReadonlyArray<Command> = pages
  .flatMap((page) => {
    const text = readFileSync(join(root, page), "utf8")
    return [...text.matchAll(/^```(?:sh|bash|shell)\n([^]*?)^```/gm)].flatMap(([, block = ""]) =>
      block
        .replaceAll("\\\n", " ")
        .split("\n")
        .flatMap((line) => line.split(/;|&&/))
        .filter((line) => /^\s*(?:npx )?tsx dag\.ts\b/.test(line))
        .map((line): Command => {
          const words = shellWords(line.replace(/\s[|>]\s.*$/, ""))
          return { page, line: line.trim(), words: words.slice(words.indexOf("dag.ts") + 1) }
        }),
    )
  })
  .filter(({ words }, at, all) => all.findIndex((other) => other.words.join("\0") === words.join("\0")) === at)

/** Options as they stand in running text and tables, each with what follows it; places to fill in are a 1. */
const spoken: ReadonlyArray<{ readonly page: string; readonly code: string; readonly words: ReadonlyArray<string> }> =
  pages.flatMap((page) => {
    const text = readFileSync(join(root, page), "utf8").replaceAll(/^```[^]*?^```/gm, "")
    return [...text.matchAll(/`(--[a-z][^`]*)`/g)]
      .map(([, code = ""]) => ({ page, code }))
      .filter(({ code }) => code !== "--ignore-scripts")
      .map(({ code }) => ({
        page,
        code,
        words: shellWords(code.replaceAll(/<[^>]*>/g, "1").replaceAll(/\\\|\w+/g, "")),
      }))
  })

/** Every command that an option may be of. */
const commandsOf = ({ subcommands = {} }: Vocabulary): ReadonlyArray<ReadonlyArray<string>> => [
  [],
  ...Object.entries(subcommands).flatMap(([name, of]) => commandsOf(of).map((below) => [name, ...below])),
]

/** Why a command is not run here; its words and settings are read all the same. */
const excluded = ({ words }: Command): string | undefined => {
  const line = words.join(" ")
  const reasons: ReadonlyArray<readonly [RegExp, string]> = [
    [/<[^>]+>/, "has a place to fill in"],
    [
      /(?:beir|msmarco-[a-z]+|trec-dl-\d+|cross-encoder|castorini|google|sentence-transformers)\//,
      "asks a hub or a publisher",
    ],
    [/--dataset (?:msmarco|trec)|experiments\/(?:msmarco|trec|beir|off-the-shelf|minilm)/, "asks a hub or a publisher"],
    [/experiments\/(?:losses|hybrid)\.json/, "takes a quarter of an hour"],
    [/experiments\/sweep\.json/, "takes minutes"],
    [/--device (?:cuda|webgpu)/, "needs a graphics card"],
    [/export model --system all-MiniLM/, "exports a model of the hub"],
    [/--stages/, "loads a module of the reader's"],
    [/shared\//, "reads collections beside the project"],
    [/s3:\/\/|\/nfs\//, "needs a store that is shared"],
  ]
  return reasons.find(([pattern]) => pattern.test(line))?.[1]
}

/** What makes the default experiment small enough for a test; the query that the pages name is among those that are left. */
const small = ["ingest.passages=1500", "train.steps=3", "candidates.depth=20"]
  .concat([
    "ingest.heldOutQuestions=40",
    "ingest.heldOutBrowse=40",
    "ingest.trainQuestions=60",
    "ingest.trainBrowse=60",
  ])
  .flatMap((set) => ["--set", set])

const optionValues = (words: ReadonlyArray<string>, name: string): ReadonlyArray<string> =>
  words.flatMap((word, at) =>
    word === name ? (words[at + 1] ?? []) : word.startsWith(`${name}=`) ? word.slice(name.length + 1) : [],
  )

const run = async (words: ReadonlyArray<string>) => {
  const { code, err, out } = await dag(...words)
  return { code, text: err + out }
}

describe.sequential("commands in the documentation", () => {
  const before = process.cwd()
  afterAll(() => process.chdir(before))
  beforeAll(() => {
    process.chdir(scratch)
    for (const folder of ["path/to/folder", "a", "b"]) {
      mkdirSync(join(scratch, folder), { recursive: true })
      writeTinyCollection(join(scratch, folder))
    }
    writeFileSync(join(scratch, "splade.trec"), "q1 Q0 d1 1 9.5 splade\nq2 Q0 d6 1 8.5 splade\nq3 Q0 d4 1 1 splade\n")
    symlinkSync(join(root, "experiments"), join(scratch, "experiments"))
  })

  it("L58 there are commands, in README.md and below docs/", () => {
    expect(commands.length).toBeGreaterThan(15)
    expect(commands.filter((command) => excluded(command) === undefined).length).toBeGreaterThan(8)
  })

  it("L58 docs/worker.yaml: the words of its workers and of its run are understood, and no secret stands in it", () => {
    const documents = parseAllDocuments(readFileSync(join(root, "docs/worker.yaml"), "utf8"))
    const read = documents.map((document) => {
      expect(document.errors).toEqual([])
      return Schema.decodeUnknownSync(Workload)(document.toJS())
    })
    expect(read.map(({ kind }) => kind)).toEqual(["Deployment", "Job"])
    for (const { spec } of read) {
      for (const { args, command, env, envFrom } of spec.template.spec.containers) {
        expect(env).toBeUndefined()
        expect(envFrom).toEqual([{ secretRef: { name: "rankdag" } }])
        const words = [...command, ...args]
        const understood = readArguments(words.slice(words.indexOf("dag.ts") + 1))
        expect(Either.isRight(understood), String(understood)).toBe(true)
        const [address = ""] = optionValues(words, "--executor")
        expect(postgresConnection(address, {})).toMatchObject({ _tag: "Right", right: { ssl: {} } })
      }
    }
  })

  it.each(commands)("L58 $page: the words and settings of `$line` are understood", async ({ words }) => {
    const understood = readArguments(words)
    expect(Either.isRight(understood), String(understood)).toBe(true)
    const [config] = optionValues(words, "--config")
    const device = DeviceChoice.literals.find((choice) => optionValues(words, "--device").includes(choice))
    const settings = readSettings({
      ...(config === undefined ? {} : { configFile: join(root, config) }),
      ...(device === undefined ? {} : { device }),
      datasets: optionValues(words, "--dataset"),
      sets: optionValues(words, "--set"),
    })
    if (!/^(?:compare|export|show|sql|gc|verify|lineage|model)$/.test(words[0] ?? "")) await Effect.runPromise(settings)
  })

  it("L205 an option in running text is one that there is, and is followed by a value where it takes one", () => {
    expect(spoken.length).toBeGreaterThan(50)
    const isUnderstood = (words: ReadonlyArray<string>): boolean =>
      commandsOf(vocabulary).some((command) => {
        const read = readArguments([...command, ...words])
        // An option may be named without its value.
        return Either.isRight(read) || (words.length === 1 && read.left.problem.endsWith("needs a value."))
      })
    const odd = spoken.filter(({ words }) => !isUnderstood(words))
    expect(odd.map(({ code, page }) => `${page}: ${code}`)).toEqual([])
  })

  it("L208 the program of docs/EXTENDING.md makes a collection of one JSON file", () => {
    const page = readFileSync(join(root, "docs/EXTENDING.md"), "utf8")
    const [, program = ""] = /^```js convert\.mjs\n([^]*?)^```/m.exec(page) ?? []
    const folder = join(scratch, "converted")
    mkdirSync(folder)
    writeFileSync(join(folder, "convert.mjs"), program)
    const whole = { docs: { d1: "bread\nand «butter»" }, queries: { q1: "bread" }, qrels: { q1: { d1: 2 } } }
    writeFileSync(join(folder, "collection.json"), JSON.stringify(whole))
    execFileSync(process.execPath, ["convert.mjs"], { cwd: folder })
    const layout = recogniseLayout(join(folder, "collection"))
    expect(layout).toMatchObject({ format: "beir", qrels: [{ split: "test", file: "qrels/test.tsv" }] })
    const corpus: unknown = JSON.parse(readFileSync(join(folder, "collection/corpus.jsonl"), "utf8"))
    expect(corpus).toEqual({ _id: "d1", text: whole.docs.d1 })
  })

  const toRun = commands.filter((command) => excluded(command) === undefined)
  const isRun = ({ words }: Command) => words.length === 0 || words[0]?.startsWith("-") === true
  // What asks for the last run's results asks for the default experiment's, wherever on a page it stands: that runs last of the runs.
  const rank = (command: Command): number => {
    if (!isRun(command)) return 3
    if (command.words.includes("--dataset") || command.words.includes("train")) return 0
    return command.words.includes("--set") ? 1 : 2
  }
  const order = toRun.toSorted((one, other) => rank(one) - rank(other))

  it.each(order)("L58 $page: `$line` runs", async (command) => {
    const { words } = command
    const more = isRun(command) && !words.includes("--dataset") ? small : []
    const { code, text } = await run([...words, ...more])
    // A dry run that finds work exits with 10.
    expect(words.includes("--dry-run") && isRun(command) ? [0, 10] : [0], text).toContain(code)
  })

  it("L59 the systems that need no model are shown while others are made", async () => {
    const steps = ["--set", "train.steps=2", "--set", 'train.models=[{"scratch":"t5"}]', "--artifacts", "first"]
    const { code, text } = await run([...small, ...steps])
    expect(code, text).toBe(0)
    const at = (pattern: RegExp): number => text.search(pattern)
    expect(at(/^First results, of the systems without a model/m)).toBeGreaterThan(0)
    expect(at(/^First results/m)).toBeLessThan(at(/^✓ rerank/m))
    expect(text.slice(at(/^First results/m), at(/^✓ rerank/m))).toMatch(/^ {4}bm25 +\d\.\d{4}/m)
  })
})
