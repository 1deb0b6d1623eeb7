import * as Either from "effect/Either"
import { describe, expect, it } from "vitest"
import { readArguments, type Understood, type Vocabulary, vocabulary } from "../../cli/Arguments.ts"
import { renderHelp } from "../../cli/Help.ts"
import { declared } from "../../cli/main.ts"

const read = (words: ReadonlyArray<string>): Understood | string =>
  Either.match(readArguments(words), { onLeft: (error) => error.message, onRight: (understood) => understood })

const problem = (line: string): string => {
  const understood = read(line.split(" "))
  return typeof understood === "string" ? understood : "understood"
}

/** Every command that does something, with its options. */
const leaves = (
  known: Vocabulary,
  path: ReadonlyArray<string> = [],
): ReadonlyArray<Vocabulary & { readonly path: ReadonlyArray<string> }> => {
  const below = Object.entries(known.subcommands ?? {}).flatMap(([name, sub]) => leaves(sub, [...path, name]))
  return below.length > 0 && path.length > 0 ? below : [{ ...known, path }, ...below]
}
const commands = leaves(vocabulary)

const valueFor = (takes: Vocabulary["options"][string]): ReadonlyArray<string> => {
  if (takes === "flag") return []
  if (typeof takes === "string") return ["some text"]
  if ("from" in takes) return [String(takes.from)]
  return [("one" in takes ? takes.one : takes.each).at(-1) ?? ""]
}

describe("arguments", () => {
  it("L1 what is documented is understood", () => {
    for (const line of [
      "--target eval",
      "--target=eval --set a=b --set c=-1 --dry-run",
      "--graph mermaid --json",
      "sql select",
      "export run --system bm25 --split test --format trec",
      "export model --system t5 --to out --force",
      "model inspect owner/name --revision v2 --head first-token --json",
      "gc --dry-run --max-age 30d",
      "lineage eval --json",
      "--help",
      "export --help",
    ]) {
      expect([line, problem(line)]).toEqual([line, "understood"])
    }
  })

  it("L1 an unknown option or command names the nearest known one", () => {
    expect(problem("--targe eval")).toContain("«--target»")
    expect(problem("--dryrun")).toContain("«--dry-run»")
    expect(problem("export run --sytem bm25")).toContain("«--system»")
    expect(problem("lineag eval")).toContain("«lineage»")
    expect(problem("export runs")).toContain("«run»")
    expect(problem("--quite-something-else")).toMatch(/^Unknown option --quite-something-else\. \(/)
    expect(problem("--target")).toContain("needs a value")
    expect(problem("sql --target eval q")).toContain("it is one of a run")
    expect(problem("export")).toContain("run, qrels, scores, table")
  })

  it("L50 a refused value names its option, what there is and the nearest; a value that would replace another is refused", () => {
    expect(problem("--device cud")).toContain("--device cud: expected auto, cpu, webgpu, cuda. Did you mean «cuda»?")
    expect(problem("--log=colour")).toBe(
      "--log colour: expected auto, tty, plain, json. (`--help` lists what there is)",
    )
    for (const empty of [["--artifacts=", "verify"], ["verify", "--artifacts", ""], ["--jobs="]]) {
      expect(read(empty)).toMatch(/^Option --(artifacts|jobs) needs a value\. \(/)
    }
    for (const word of ["x", "0", "1.5", "-1", "1e99"]) {
      expect(read(["--jobs", word])).toContain(`--jobs ${word}: expected a whole number of at least 1`)
    }
    expect(problem("gc --keep-last -1")).toContain("--keep-last -1: expected a whole number of at least 0")
    expect(problem("compare --kind al")).toContain("--kind al: expected all, question, browse")
    expect(problem("--device cpu --device auto")).toContain("--device is given more than once: cpu, auto")
    expect(problem("--artifacts a sql --artifacts b q")).toContain("--artifacts is given more than once: a, b")
    expect(problem("--target eval --target report --dry-run --dry-run")).toBe("understood")
  })

  // Each option of a run before each command: it counts there, or is refused by its name.
  it.each(commands.slice(1))("L51 each option of a run before $path counts or is refused", (command) => {
    const { path, options, needs = [], operand } = command
    for (const [name, takes] of Object.entries(vocabulary.options)) {
      const others = needs.filter((each) => each !== name).flatMap((each) => [each, "some text"])
      const needed = [...others, ...(operand === undefined ? [] : ["text"])]
      const value = valueFor(takes)
      const own = options[name]
      const before = read([name, ...value, ...path, ...needed])
      const same = own !== undefined && (own === "flag") === (takes === "flag")
      const fits = same && (typeof own === "string" || typeof takes === "string" || own === takes)
      if (fits) {
        expect(before).toEqual({ command: path, help: false, words: [...path, name, ...value, ...needed] })
        expect(before).toEqual(read([...path, name, ...value, ...needed]))
      } else {
        expect(before).toContain(`Option ${name} stands before ${path.join(" ")}`)
      }
    }
  })

  it("L210 what a command needs, and what is more than it takes, is told by its name", () => {
    expect(problem("show")).toContain("show needs --qid, as in `show --qid …`.")
    expect(problem("show q1 --systems bm25")).toContain("show needs --qid, as in `show --qid q1`.")
    expect(problem("show --qid q1 q2")).toContain("show takes options alone, and «q2» is none.")
    expect(problem("export model --system t5")).toContain("export model needs --to")
    expect(problem("sql")).toContain("sql needs <query>.")
    expect(problem("sql select 1")).toContain(
      'sql takes one <query>, and «1» is more. A text with spaces stands in quotes: `sql "select 1"`.',
    )
    expect(problem("sql -- -1")).toBe("understood")
    for (const { needs = [], operand, path } of commands.slice(1)) {
      if (needs.length > 0 || operand?.optional === false) expect(problem(path.join(" "))).toContain(" needs ")
      expect(problem([...path, ...needs.flatMap((name) => [name, "x"]), "one", "two"].join(" "))).toMatch(
        /options alone|is more/,
      )
      expect(problem(`${path.join(" ")} --help`)).toBe("understood")
    }
  })

  it("L51 what is understood is what the commands declare: the same commands and options", () => {
    const declaredOptions = (known: Vocabulary, path: ReadonlyArray<string>): ReadonlyArray<string> => {
      const below = Object.entries(known.subcommands ?? {})
      const lines = renderHelp(declared, path, Object.keys(known.subcommands ?? {})).split("\n")
      return [
        ...lines
          .flatMap((line) => /^ {2}(--[a-z-]+)/.exec(line)?.[1] ?? [])
          .map((option) => [...path, option].join(" ")),
        ...below.flatMap(([name, sub]) => declaredOptions(sub, [...path, name])),
      ]
    }
    const understood = (known: Vocabulary, path: ReadonlyArray<string>): ReadonlyArray<string> => [
      ...Object.keys(known.options).map((option) => [...path, option].join(" ")),
      ...Object.entries(known.subcommands ?? {}).flatMap(([name, below]) => understood(below, [...path, name])),
    ]
    expect(understood(vocabulary, []).toSorted()).toEqual(declaredOptions(vocabulary, []).toSorted())
  })
})

describe("help", () => {
  const subcommandsOf = (path: ReadonlyArray<string>) =>
    Object.keys(
      path.reduce<Vocabulary | undefined>((above, name) => above?.subcommands?.[name], vocabulary)?.subcommands ?? {},
    )

  it.each([[], ["export"], ["model"], ...commands.slice(1).map(({ path }) => path)].map((path) => ({ path })))(
    "L52 the help of $path fits 80 columns and is text alone",
    ({ path }) => {
      const help = renderHelp(declared, path, subcommandsOf(path))
      for (const line of help.split("\n")) expect(line.length, line).toBeLessThanOrEqual(80)
      expect(help).toMatch(/^[\p{L}\p{N}\p{P}\p{S} \n]*$/u)
      for (const name of subcommandsOf(path)) expect(help).toMatch(new RegExp(`^  ${name} +[A-Z]`, "m"))
    },
  )

  it("L52 the help of a run has three examples, its options in groups, and fits a screen or two", () => {
    const help = renderHelp(declared, [], subcommandsOf([]))
    expect(help.match(/^ {2}npx tsx dag\.ts .*$/gm)).toHaveLength(3)
    expect(help).toMatch(/^What is run:$[^]*^How it is run:$[^]*^What is said:$[^]*^Commands/m)
    expect(help).not.toContain("Besides:")
    expect(help.split("\n").length).toBeLessThan(90)
    for (const [, line = ""] of help.matchAll(/^ {2}npx tsx dag\.ts (.*?) {2,}/gm))
      expect(problem(line)).toBe("understood")
  })
})
