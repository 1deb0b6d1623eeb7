import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import {
  Correction,
  DeviceChoice,
  didYouMean,
  HeadName,
  QueryKind,
  Split,
  StatisticalTest,
  Weighting,
} from "../schemas/index.ts"
import { indexFormats, logFormats, qrelsFormats, runFormats, scoreFormats, tableFormats } from "./ExportFormats.ts"
import { logModes } from "./RunDisplay.ts"
import { sqlFormats } from "./SqlResult.ts"
import { gridFormats } from "./TextGrid.ts"

/** The command line was not understood. */
export class UsageError extends Schema.TaggedError<UsageError>()("UsageError", {
  argument: Schema.String,
  problem: Schema.String,
}) {
  override get message(): string {
    return `${this.problem} (\`--help\` lists what there is)`
  }
}

/** What follows an option. */
type Takes =
  /** Nothing. */
  | "flag"
  /** A text. */
  | "value"
  /** A text each of the times that it is given. */
  | "values"
  /** A whole number of at least this. */
  | { readonly from: number }
  | { readonly one: ReadonlyArray<string> }
  /** One of these each of the times that it is given. */
  | { readonly each: ReadonlyArray<string> }

/** The words a command understands: its options, each with what follows it, and its subcommands. */
export interface Vocabulary {
  readonly options: Readonly<Record<string, Takes>>
  /** Those of the options without which it cannot be followed. */
  readonly needs?: ReadonlyArray<string>
  /** The one word that it takes beside its options, and whether it may be left out. */
  readonly operand?: { readonly name: string; readonly optional: boolean }
  readonly subcommands?: Readonly<Record<string, Vocabulary>>
}

const everywhere = {
  "--help": "flag",
  "-h": "flag",
  "--version": "flag",
  "--completions": "value",
  "--log-level": "value",
} as const

const store = { "--artifacts": "value", "--cache": "value", "--insecure": "flag" } as const

const split = { one: Split.literals }

const exported = { ...store, "--split": split, "--dataset": "value" } as const

const needed = (name: string) => ({ name, optional: false })

/** What `dag.ts` understands; `test/cli/Arguments.test.ts` holds it against `--help`. */
export const vocabulary: Vocabulary = {
  options: {
    ...store,
    "--target": "values",
    "--dataset": "values",
    "--config": "value",
    "--set": "values",
    "--run": "values",
    "--stages": "values",
    "--quick": "flag",
    "--device": { one: DeviceChoice.literals },
    "--shards": { from: 1 },
    "--executor": "value",
    "--cache-size": "value",
    "--slurm": "value",
    "--needs": "values",
    "--on": "value",
    "--detach": "flag",
    "--jobs": { from: 1 },
    "--force": "values",
    "--dry-run": "flag",
    "--assert-hit": "flag",
    "--explain": "flag",
    "--graph": { one: ["mermaid", "dot", "json"] },
    "--json": "flag",
    "--log": { one: logModes },
  },
  subcommands: {
    sql: { options: { ...store, "--format": { one: sqlFormats } }, operand: needed("query") },
    compare: {
      options: {
        ...store,
        "--baseline": "values",
        "--all-pairs": "flag",
        "--measure": "values",
        "--kind": { each: ["all", ...QueryKind.literals] },
        "--split": split,
        "--dataset": "values",
        "--test": { each: StatisticalTest.literals },
        "--correction": { one: Correction.literals },
        "--weighting": { one: Weighting.literals },
        "--interval": { one: ["student", "percentile", "bca"] },
        "--permutations": { from: 1 },
        "--seed": { from: 0 },
        "--format": { one: [...gridFormats, "json"] },
      },
    },
    export: {
      options: {},
      subcommands: {
        model: {
          options: { ...store, "--system": "value", "--to": "value", "--force": "flag" },
          needs: ["--system", "--to"],
        },
        adapter: {
          options: { ...store, "--system": "value", "--to": "value", "--force": "flag" },
          needs: ["--system", "--to"],
        },
        index: {
          options: {
            ...store,
            "--format": { one: indexFormats },
            "--to": "value",
            "--dataset": "value",
            "--force": "flag",
          },
          needs: ["--to"],
        },
        run: { options: { ...exported, "--system": "value", "--format": { one: runFormats } }, needs: ["--system"] },
        qrels: { options: { ...exported, "--format": { one: qrelsFormats } } },
        scores: { options: { ...exported, "--system": "value", "--format": { one: scoreFormats } } },
        table: { options: { ...store, "--format": { one: tableFormats } } },
        log: {
          options: {
            ...store,
            "--system": "value",
            "--dataset": "value",
            "--format": { one: logFormats },
            "--to": "value",
            "--force": "flag",
          },
        },
      },
    },
    show: {
      options: { ...store, "--qid": "value", "--systems": "value", "--dataset": "value", "--depth": { from: 1 } },
      needs: ["--qid"],
    },
    search: {
      options: { ...store, "--system": "values", "--dataset": "value", "--k": { from: 1 }, "--json": "flag" },
      operand: { name: "query", optional: true },
    },
    model: {
      options: {},
      subcommands: {
        inspect: {
          options: {
            "--revision": "value",
            "--head": { one: HeadName.literals },
            "--label": "value",
            "--json": "flag",
          },
          operand: needed("source"),
        },
        list: { options: {} },
        fields: { options: {} },
      },
    },
    gc: {
      options: {
        ...store,
        "--dry-run": "flag",
        "--keep-last": { from: 0 },
        "--max-age": "value",
        "--max-size": "value",
      },
    },
    make: {
      options: {
        ...store,
        "--plan": "value",
        "--node": "value",
        "--force": "flag",
        "--events": "value",
        "--asker": "value",
      },
      operand: needed("key"),
      needs: ["--plan"],
    },
    worker: {
      options: { ...store, "--executor": "value", "--labels": "value", "--set-up": "value" },
      needs: ["--executor"],
    },
    submit: {
      options: { ...store, "--plan": "value", "--run": "value", "--executor": "value" },
      needs: ["--plan", "--run", "--executor"],
    },
    logs: { options: store, operand: needed("node") },
    verify: { options: { ...store, "--drop": "flag", "--fast": "flag" } },
    lineage: { options: { ...store, "--json": "flag" }, operand: needed("of") },
    schema: { options: { "--stages": "values" } },
    init: {
      options: { ...store, "--to": "value", "--force": "flag" },
      operand: { name: "folder", optional: true },
    },
  },
}

/** A command line that can be followed. */
export interface Understood {
  /** The command and those above it; empty for a run. */
  readonly command: ReadonlyArray<string>
  /** Whether it asks what the command is, and not for it. */
  readonly help: boolean
  /** The words, each option behind the command that it is for. */
  readonly words: ReadonlyArray<string>
}

interface Given {
  readonly name: string
  readonly words: ReadonlyArray<string>
}

const refused = (argument: string, problem: string): Either.Either<never, UsageError> =>
  Either.left(new UsageError({ argument, problem }))

/** What is wrong with an option's value, where anything is. */
const problemOf = (name: string, takes: Takes, value: string): string | undefined => {
  if (value === "") return `Option ${name} needs a value.`
  if (typeof takes === "string") return undefined
  if ("from" in takes) {
    const isWhole = /^[+-]?\d+$/.test(value) && Number.isSafeInteger(Number(value))
    return isWhole && Number(value) >= takes.from
      ? undefined
      : `${name} ${value}: expected a whole number of at least ${takes.from}.`
  }
  const words = "one" in takes ? takes.one : takes.each
  return words.includes(value)
    ? undefined
    : `${name} ${value}: expected ${words.join(", ")}.${didYouMean(value, words)}`
}

const isRepeatable = (takes: Takes): boolean => takes === "values" || (typeof takes !== "string" && "each" in takes)

/** What is wrong with the words beside the options, or with the options that there are, where anything is. */
const incomplete = (
  asked: string,
  { needs = [], operand }: Vocabulary,
  given: ReadonlyArray<string>,
  operands: ReadonlyArray<string>,
): string | undefined => {
  const [first, ...others] = operands
  const missing = needs.find((name) => !given.includes(name))
  if (missing !== undefined) return `${asked} needs ${missing}, as in \`${asked} ${missing} ${first ?? "…"}\`.`
  if (operand === undefined && first !== undefined) {
    return `${asked} takes options alone, and «${first}» is none.`
  }
  if (operand !== undefined && !operand.optional && first === undefined) return `${asked} needs <${operand.name}>.`
  const quoted = operands.join(" ")
  return others.length === 0
    ? undefined
    : `${asked} takes one <${operand?.name}>, and «${others.join(" ")}» is more. A text with spaces stands in quotes: \`${asked} "${quoted}"\`.`
}

/** The value of an option, as it was given. */
const valueOf = ({ name, words }: Given): string => words[1] ?? words[0]!.slice(name.length + 1)

/**
 * Reads the words after `dag.ts`. An option may stand before the command that it is for; where the command has no such option, it
 * is refused and not passed over. So is a value that would replace another.
 */
export const readArguments = (
  words: ReadonlyArray<string>,
  vocabularyOfAll: Vocabulary = vocabulary,
): Either.Either<Understood, UsageError> => {
  const command: Array<string> = []
  const given: Array<Given> = []
  const positional: Array<string> = []
  let known = vocabularyOfAll
  let help = false
  for (let position = 0; position < words.length; position++) {
    const word = words[position]!
    if (word === "--") {
      positional.push(...words.slice(position))
      break
    }
    if (!word.startsWith("-") || word === "-") {
      const subcommand = known.subcommands?.[word]
      if (known.subcommands === undefined) positional.push(word)
      else if (subcommand === undefined) {
        return refused(word, `Unknown command «${word}».${didYouMean(word, Object.keys(known.subcommands))}`)
      } else {
        command.push(word)
        known = subcommand
      }
      continue
    }
    const options: Readonly<Record<string, Takes>> = { ...everywhere, ...known.options }
    const equals = word.indexOf("=")
    const name = equals < 0 ? word : word.slice(0, equals)
    const takes = options[name]
    if (takes === undefined) {
      const ofRun = command.length > 0 && vocabularyOfAll.options[name] !== undefined
      return refused(
        word,
        `Unknown option ${name}${ofRun ? ` of ${command.join(" ")}: it is one of a run.` : `.${didYouMean(name, Object.keys(options))}`}`,
      )
    }
    if (name === "--help" || name === "-h") {
      help = true
      continue
    }
    if (takes === "flag" || equals >= 0) {
      given.push({ name, words: [word] })
      continue
    }
    const value = words[++position]
    if (value === undefined) return refused(word, `Option ${name} needs a value.`)
    given.push({ name, words: [word, value] })
  }

  const isEverywhere = ({ name }: Given): boolean => Object.hasOwn(everywhere, name)
  if (!help && known.subcommands !== undefined && command.length > 0) {
    const asked = command.join(" ")
    return refused(asked, `Say what to ${asked}: ${Object.keys(known.subcommands).join(", ")}.`)
  }
  for (const option of given) {
    if (isEverywhere(option) || help) continue
    const takes = known.options[option.name]
    const fits =
      takes !== undefined && (takes !== "flag") === (option.words.length > 1 || option.words[0]!.includes("="))
    if (!fits) {
      const own = Object.keys(known.options)
      return refused(
        option.name,
        `Option ${option.name} stands before ${command.join(" ")}, which does not take it so.${own.length === 0 ? "" : ` It takes ${own.join(", ")}.`}`,
      )
    }
    const value = valueOf(option)
    const problem = takes === "flag" ? undefined : problemOf(option.name, takes, value)
    if (problem !== undefined) return refused(option.name, problem)
    const same = given.filter(({ name }) => name === option.name)
    if (takes !== "flag" && !isRepeatable(takes) && same.length > 1) {
      return refused(option.name, `Option ${option.name} is given more than once: ${same.map(valueOf).join(", ")}.`)
    }
  }
  const asksAnother = given.some(({ name }) => name === "--version" || name === "--completions")
  const problem =
    help || asksAnother || command.length === 0
      ? undefined
      : incomplete(
          command.join(" "),
          known,
          given.map(({ name }) => name),
          positional.filter((word) => word !== "--"),
        )
  if (problem !== undefined) return refused(command.join(" "), problem)
  const [ofAll, own] = [given.filter(isEverywhere), given.filter((option) => !isEverywhere(option))]
  return Either.right({
    command,
    help,
    words: [
      ...ofAll.flatMap((option) => option.words),
      ...command,
      ...own.flatMap((option) => option.words),
      ...positional,
    ],
  })
}
