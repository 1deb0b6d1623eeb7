import * as CliConfig from "@effect/cli/CliConfig"
import * as CommandDescriptor from "@effect/cli/CommandDescriptor"
import type * as HelpDoc from "@effect/cli/HelpDoc"
import type * as Span from "@effect/cli/HelpDoc/Span"
import * as HashMap from "effect/HashMap"
import * as HashSet from "effect/HashSet"
import * as Option from "effect/Option"
import { wrapped } from "./TextGrid.ts"

type Descriptor = CommandDescriptor.Command<unknown>

/** An option, argument or subcommand, as the command's own declaration has it. */
interface Entry {
  readonly term: string
  readonly text: string
}

interface Section {
  readonly title: string
  readonly entries: ReadonlyArray<Entry>
}

const columns = 80
/** Where descriptions begin. */
const column = 24

/** What @effect/cli says of an option's type; that it may be left out or repeated is said by its description or its usage. */
const ofTypes =
  /^(?:A user-defined piece of text|An integer|A true or false value|One of the following: .*|This (?:setting|option|argument) .*)\.?$/

const spanText = (span: Span.Span): string => {
  switch (span._tag) {
    case "Text":
    case "URI":
      return span.value
    case "Sequence":
      return spanText(span.left) + spanText(span.right)
    default:
      return spanText(span.value)
  }
}

const paragraphs = (doc: HelpDoc.HelpDoc): ReadonlyArray<string> => {
  switch (doc._tag) {
    case "Paragraph":
      return [spanText(doc.value)]
    case "Sequence":
      return [...paragraphs(doc.left), ...paragraphs(doc.right)]
    default:
      return []
  }
}

/** `--device auto | cpu` → `--device <auto|cpu>`, where that is short. */
const termOf = (text: string): string => {
  const [given = "", ...rest] = text.split(" ")
  const name = given.replace(/^-(?=[a-z]$)/, "--")
  const value = rest.join(" ").replace(/\.\.\.$/, "")
  if (value === "") return name
  const shown = value === "integer" ? "n" : value.replaceAll(" | ", "|")
  const term = `${name} <${shown}>`
  return term.length < column - 2 ? term : `${name} <${value.includes("|") ? "choice" : value}>`
}

const entryOf = (term: Span.Span, doc: HelpDoc.HelpDoc): Entry => {
  const text = spanText(term)
  const said = paragraphs(doc)
    .filter((line) => !ofTypes.test(line))
    .join(" ")
  const short = termOf(text)
  const choices = short.endsWith("<choice>")
    ? `: ${text
        .replace(/^\S+ /, "")
        .replace(/\.\.\.$/, "")
        .split(" | ")
        .join(", ")}`
    : ""
  return { term: short, text: said + choices }
}

/** The lists of options and arguments in a command's declaration. */
const entriesOf = (doc: HelpDoc.HelpDoc): ReadonlyArray<Entry> => {
  switch (doc._tag) {
    case "DescriptionList":
      return doc.definitions.map(([term, described]) => entryOf(term, described))
    case "Sequence":
      return [...entriesOf(doc.left), ...entriesOf(doc.right)]
    default:
      return []
  }
}

/** The paragraph below the heading that says what the command is. */
const descriptionOf = (doc: HelpDoc.HelpDoc): string => {
  const flat = (each: HelpDoc.HelpDoc): ReadonlyArray<HelpDoc.HelpDoc> =>
    each._tag === "Sequence" ? [...flat(each.left), ...flat(each.right)] : [each]
  const parts = flat(doc)
  const heading = parts.findIndex((part) => part._tag === "Header" && spanText(part.value) === "DESCRIPTION")
  const below = heading < 0 ? undefined : parts[heading + 1]
  return below === undefined ? "" : paragraphs(below).join(" ")
}

const helpOf = (command: Descriptor): HelpDoc.HelpDoc =>
  CommandDescriptor.getHelp(command, CliConfig.make({ showBuiltIns: false }))

/** The options of a run, by what they are for. */
const groups: ReadonlyArray<readonly [title: string, options: ReadonlyArray<string>]> = [
  [
    "What is run",
    ["--target", "--dataset", "--quick", "--config", "--set", "--shards", "--run", "--stages", "--device", "--on"],
  ],
  [
    "How it is run",
    [
      "--artifacts",
      "--cache",
      "--cache-size",
      "--insecure",
      "--executor",
      "--slurm",
      "--needs",
      "--detach",
      "--jobs",
      "--force",
    ],
  ],
  ["What is said", ["--dry-run", "--assert-hit", "--explain", "--graph", "--json", "--log"]],
]

const examples = [
  ["npx tsx dag.ts --target eval", "the default experiment"],
  ["npx tsx dag.ts --dataset path/to/folder --quick", "first stages on your own"],
  ["npx tsx dag.ts compare --baseline bm25", "are the differences real?"],
] as const

/** Examples of commands, by their path. */
const commandExamples: Readonly<Record<string, ReadonlyArray<readonly [line: string, text: string]>>> = {
  "export log": [
    ["npx tsx dag.ts export log --system t5-hybrid", "as CSV"],
    ["npx tsx dag.ts export log --format tensorboard --to curves", "for TensorBoard"],
  ],
  init: [
    ["npx tsx dag.ts init path/to/folder", "writes experiment.json"],
    ["npx tsx dag.ts init path/to/folder:browse", "one kind of query"],
  ],
  search: [
    ['npx tsx dag.ts search "heat pumps"', "every system, side by side"],
    ["npx tsx dag.ts search --system bm25 < queries.txt", "a query a line"],
  ],
}

const entryLines = ({ term, text }: Entry): ReadonlyArray<string> => {
  const lines = wrapped(text, columns - column)
  const indented = lines.map((line) => `${" ".repeat(column)}${line}`)
  const head = `  ${term}`
  if (head.length > column - 2) return [head, ...indented]
  return [`${head.padEnd(column)}${lines[0] ?? ""}`.trimEnd(), ...indented.slice(1)]
}

const sectionLines = ({ title, entries }: Section): ReadonlyArray<string> =>
  entries.length === 0 ? [] : ["", `${title}:`, ...entries.flatMap(entryLines)]

/** The declarations of all commands. */
export interface Declared {
  readonly run: Descriptor
  /** Each command with its own subcommands, of which the descriptor of all no longer knows. */
  readonly commands: ReadonlyArray<Descriptor>
}

/** The command that a path leads to. */
const commandAt = ({ run, commands }: Declared, path: ReadonlyArray<string>): Descriptor => {
  const [first, ...below] = path
  if (first === undefined) return run
  const found = commands.find((command) => HashSet.has(CommandDescriptor.getNames(command), first)) ?? run
  return below.reduce(
    (above, name) => Option.getOrElse(HashMap.get(CommandDescriptor.getSubcommands(above), name), () => above),
    found,
  )
}

/**
 * What `--help` prints: of a run its options by what they are for and three examples, of a command its own. At most 80 columns, and
 * text alone.
 *
 * @param path the command asked about; empty for a run.
 * @param subcommands names in the order in which they are listed.
 */
export const renderHelp = (
  declared: Declared,
  path: ReadonlyArray<string>,
  subcommands: ReadonlyArray<string>,
): string => {
  const command = commandAt(declared, path)
  const help = helpOf(command)
  const entries = entriesOf(help)
  const isRun = path.length === 0
  const ofGroup = (names: ReadonlyArray<string>): ReadonlyArray<Entry> =>
    entries.filter(({ term }) => names.includes(term.split(" ")[0] ?? ""))
  const grouped = groups.map(([title, names]): Section => ({ title, entries: ofGroup(names) }))
  const known = new Set(grouped.flatMap((group) => group.entries))
  const others: Section = {
    title: isRun ? "Besides" : "Options",
    entries: entries.filter((entry) => !known.has(entry)),
  }
  const commands: Section = {
    title: "Commands, each with a --help of its own",
    entries: subcommands.map((name) => ({
      term: name,
      text: descriptionOf(helpOf(commandAt(declared, [...path, name]))),
    })),
  }
  const said = descriptionOf(help)
  const positional = entries.flatMap(({ term }) => (term.startsWith("<") ? [` ${term.split(" ")[0]!}`] : []))
  const shown = isRun ? examples : (commandExamples[path.join(" ")] ?? [])
  const exampleWidth = isRun ? 51 : 2 + Math.max(0, ...shown.map(([line]) => line.length))
  const usage = ["npx tsx dag.ts", ...path, ...(subcommands.length > 0 ? [isRun ? "[command]" : "<command>"] : [])]
  return [
    ...wrapped(isRun ? `rankdag: ${said.charAt(0).toLowerCase()}${said.slice(1)}.` : `${said}.`, columns),
    "",
    `Usage: ${usage.join(" ")}${positional.join("")}${entries.length > positional.length ? " [options]" : ""}`,
    ...(shown.length === 0 ? [] : ["", ...shown.map(([line, text]) => `  ${line.padEnd(exampleWidth)}${text}`)]),
    ...(isRun ? [...grouped, others] : [{ title: "Options", entries }]).flatMap(sectionLines),
    ...sectionLines(commands),
    ...(isRun ? ["", "--version prints the version. docs/ and README.md say more."] : []),
    "",
  ].join("\n")
}
