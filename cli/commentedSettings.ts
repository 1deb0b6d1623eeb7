import * as Schema from "effect/Schema"
import { isRecord } from "../schemas/index.ts"
import { type Experiment, experimentSchema } from "../settings.ts"
import { experimentJsonSchema } from "./Settings.ts"

/** What of a configuration follows from the collection. */
export interface InitialSettings {
  /** Path of the JSON Schema, for editors. */
  readonly $schema: string
  /** Whose queries the first stages are asked. */
  readonly splits: ReadonlyArray<string>
  /** Whether the collection has queries to train on. */
  readonly trains: boolean
}

type JsonObject = Readonly<Record<string, unknown>>

/** What a setting is for, as the JSON Schema has it. */
const descriptionsOf = (): ((path: string) => string) => {
  const root = experimentJsonSchema()
  const definitions = isRecord(root) && isRecord(root["$defs"]) ? root["$defs"] : {}
  const resolved = (schema: unknown): JsonObject => {
    if (!isRecord(schema)) return {}
    const reference = schema["$ref"]
    return typeof reference === "string" ? resolved(definitions[reference.replace("#/$defs/", "")]) : schema
  }
  const below = (schema: unknown, name: string): unknown => {
    const { allOf, properties } = resolved(schema)
    if (isRecord(properties)) return properties[name]
    return Array.isArray(allOf)
      ? allOf.map((part) => below(part, name)).find((found) => found !== undefined)
      : undefined
  }
  return (path) => {
    const found = path.split(".").reduce<unknown>(below, root)
    const own = isRecord(found) ? found["description"] : undefined
    return typeof own === "string" ? own : ""
  }
}

/** The sections of the file, and of each the settings that people change first. */
const shown: ReadonlyArray<readonly [section: string, settings: ReadonlyArray<string>]> = [
  ["retrieve", ["splits", "depth", "bm25"]],
  ["candidates", ["from", "depth"]],
  ["rerank", ["models"]],
  ["train", ["models", "losses", "seeds", "steps"]],
  ["evaluate", ["measures"]],
]

const lineLength = 100

/** A text as comments, broken at spaces. */
const comment = (text: string, indent: string): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let line = ""
  for (const word of text.split(" ")) {
    if (line !== "" && indent.length + 3 + line.length + 1 + word.length > lineLength) {
      lines.push(line)
      line = word
    } else line = line === "" ? word : `${line} ${word}`
  }
  return [...lines, line].filter((each) => each !== "").map((each) => `${indent}// ${each}`)
}

/**
 * A configuration with a comment above each setting, saying what it is for; what it leaves out has its default. It is read as
 * `--config` reads files: JSON with comments.
 */
export const commentedSettings = (settings: Experiment, initial: InitialSettings): string => {
  const describe = descriptionsOf()
  const all: JsonObject = Schema.encodeSync(experimentSchema())(settings)
  const valueOf = (section: string, name: string): unknown => {
    const path = `${section}.${name}`
    if (path === "retrieve.splits") return initial.splits
    if (path === "train.models") return []
    const of = all[section]
    return isRecord(of) ? of[name] : undefined
  }
  const trainNote = initial.trains
    ? 'Name a folder, an ONNX file or a repository of the hub to train it: ["sentence-transformers/all-MiniLM-L6-v2"].'
    : "The collection has no train split: nothing can be trained on it."
  const notes: Readonly<Record<string, string>> = {
    "rerank.models": 'For instance ["cross-encoder/ms-marco-MiniLM-L6-v2"].',
    "train.models": trainNote,
  }
  const sections = shown.map(([section, names]) => {
    const entries = names.flatMap((name) => {
      const value = valueOf(section, name)
      if (value === undefined) return []
      const path = `${section}.${name}`
      const said = [describe(path), notes[path]].filter((text) => text !== undefined && text !== "")
      const text = said.map((each) => (/[.!?\]]$/.test(each ?? "") ? each : `${each}.`)).join(" ")
      return [[...comment(text, "    "), `    ${JSON.stringify(name)}: ${JSON.stringify(value)}`].join("\n")]
    })
    const title = describe(section)
    return [...comment(title, "  "), `  ${JSON.stringify(section)}: {`, entries.join(",\n"), "  }"].join("\n")
  })
  const head =
    "What is left out has its default. experiments/schema.json has every setting; editors complete from it. Comments are allowed here, as in JSONC."
  return [
    "{",
    ...comment(head, "  "),
    `  "$schema": ${JSON.stringify(initial.$schema)},`,
    ...comment(describe("datasets"), "  "),
    `  "datasets": ${JSON.stringify(all["datasets"])},`,
    sections.join(",\n"),
    "}",
    "",
  ].join("\n")
}
