import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { didYouMean } from "../schemas/index.ts"

/** The command line was not understood. */
export class UsageError extends Schema.TaggedError<UsageError>()("UsageError", {
  argument: Schema.String,
  problem: Schema.String,
}) {
  override get message(): string {
    return `${this.problem} (\`--help\` lists what there is)`
  }
}

/** The words a command understands: its options, each with whether a value follows, and its subcommands. */
export interface Vocabulary {
  readonly options: Readonly<Record<string, "value" | "flag">>
  readonly subcommands?: Readonly<Record<string, Vocabulary>>
}

const everywhere = {
  "--help": "flag",
  "-h": "flag",
  "--version": "flag",
  "--wizard": "flag",
  "--completions": "value",
  "--log-level": "value",
} as const

const store = { "--artifacts": "value" } as const

const exported = { ...store, "--split": "value", "--dataset": "value", "--format": "value" } as const

/** What `dag.ts` understands; `test/cli/Arguments.test.ts` holds it against `--help`. */
export const vocabulary: Vocabulary = {
  options: {
    ...store,
    "--target": "value",
    "--dataset": "value",
    "--config": "value",
    "--set": "value",
    "--run": "value",
    "--device": "value",
    "--jobs": "value",
    "--force": "value",
    "--dry-run": "flag",
    "--assert-hit": "flag",
    "--explain": "flag",
    "--graph": "value",
    "--json": "flag",
    "--log": "value",
  },
  subcommands: {
    sql: { options: { ...store, "--format": "value" } },
    compare: {
      options: {
        ...store,
        "--baseline": "value",
        "--all-pairs": "flag",
        "--measure": "value",
        "--kind": "value",
        "--split": "value",
        "--dataset": "value",
        "--test": "value",
        "--correction": "value",
        "--weighting": "value",
        "--interval": "value",
        "--permutations": "value",
        "--seed": "value",
        "--format": "value",
      },
    },
    export: {
      options: {},
      subcommands: {
        model: { options: { ...store, "--system": "value", "--to": "value", "--force": "flag" } },
        run: { options: { ...exported, "--system": "value" } },
        qrels: { options: exported },
        scores: { options: { ...exported, "--system": "value" } },
        table: { options: { ...store, "--format": "value" } },
      },
    },
    show: {
      options: { ...store, "--qid": "value", "--systems": "value", "--dataset": "value", "--depth": "value" },
    },
    model: {
      options: {},
      subcommands: {
        inspect: { options: { "--revision": "value", "--head": "value", "--label": "value", "--json": "flag" } },
        fields: { options: {} },
      },
    },
    gc: {
      options: { ...store, "--dry-run": "flag", "--keep-last": "value", "--max-age": "value", "--max-size": "value" },
    },
    verify: { options: { ...store, "--drop": "flag" } },
    lineage: { options: { ...store, "--json": "flag" } },
    schema: { options: {} },
  },
}

/** Finds the first word that nothing understands, and what was probably meant. */
export const checkArguments = (
  words: ReadonlyArray<string>,
  known: Vocabulary = vocabulary,
): Either.Either<void, UsageError> => {
  const options: Readonly<Record<string, "value" | "flag">> = { ...everywhere, ...known.options }
  const subcommands = known.subcommands ?? {}
  for (let position = 0; position < words.length; position++) {
    const word = words[position]!
    if (word === "--") return Either.right(undefined)
    if (word.startsWith("-") && word !== "-") {
      const equals = word.indexOf("=")
      const name = equals < 0 ? word : word.slice(0, equals)
      const takes = options[name]
      if (takes === undefined) {
        return Either.left(
          new UsageError({
            argument: word,
            problem: `Unknown option ${name}.${didYouMean(name, Object.keys(options))}`,
          }),
        )
      }
      if (takes === "value" && equals < 0) {
        position++
        if (position >= words.length) {
          return Either.left(new UsageError({ argument: word, problem: `Option ${name} needs a value.` }))
        }
      }
      continue
    }
    if (known.subcommands === undefined) continue
    const subcommand = subcommands[word]
    if (subcommand === undefined) {
      return Either.left(
        new UsageError({
          argument: word,
          problem: `Unknown command «${word}».${didYouMean(word, Object.keys(subcommands))}`,
        }),
      )
    }
    return checkArguments(words.slice(position + 1), subcommand)
  }
  return Either.right(undefined)
}
