import { architectureFields, commonFields, tokenizerConfigFields, tokenizerJsonFields } from "../../neural/index.ts"
import { type FieldTable, joinTables } from "../../schemas/index.ts"
import { sentenceTransformersFields } from "./sentenceTransformersFields.ts"

/** The rows of a table that another one does not have. */
const beyond = (table: FieldTable, general: FieldTable): FieldTable => {
  const own = <A>(rows: Readonly<Record<string, A>> = {}, known: Readonly<Record<string, A>> = {}) =>
    Object.fromEntries(Object.entries(rows).filter(([name, row]) => known[name] !== row))
  return {
    honoured: own(table.honoured, general.honoured),
    harmless: own(table.harmless, general.harmless),
    only: own(table.only, general.only),
    within: own(table.within, general.within),
  }
}

/** The tables of all files of a model: a title in words, and what becomes of the fields. */
export const fieldTables = (): ReadonlyArray<readonly [title: string, table: FieldTable]> => {
  const general = joinTables(commonFields)
  const byTable = new Map<FieldTable, ReadonlyArray<string>>()
  for (const [name, table] of architectureFields()) byTable.set(table, [...(byTable.get(table) ?? []), name])
  return [
    ["config.json, every architecture", general],
    ...[...byTable].map(([table, names]) => [`config.json, ${names.join(" and ")}`, beyond(table, general)] as const),
    ["tokenizer_config.json", tokenizerConfigFields],
    ["tokenizer.json", tokenizerJsonFields],
    ...Object.entries(sentenceTransformersFields),
  ]
}

/** Fields with one fate share a row. */
const rowsOf = (table: FieldTable, general: FieldTable, prefix = ""): ReadonlyArray<string> => {
  const fates = new Map<string, Array<string>>()
  const add = (fate: string, name: string): void => {
    fates.set(fate, [...(fates.get(fate) ?? []), `\`${prefix}${name}\``])
  }
  for (const [name, what] of Object.entries(table.honoured)) add(`honoured: ${what}`, name)
  for (const [name, why] of Object.entries(table.harmless)) add(`harmless: ${why}`, name)
  for (const [name, { because, values }] of Object.entries(table.only)) {
    const taken = ["null", ...values.map((value) => JSON.stringify(value))].map((value) => `\`${value}\``).join(", ")
    add(`${taken}; else refused: ${because}`, name)
  }
  return [
    ...[...fates].map(([fate, names]) => `| ${names.join(", ")} | ${fate} |`),
    ...Object.entries(table.within ?? {}).flatMap(([name, inner]) =>
      rowsOf(beyond(inner, general), general, `${prefix}${name}.`),
    ),
  ]
}

/** The tables as Markdown: what becomes of each field of each file. */
export const renderFieldTables = (): string => {
  const general = joinTables(commonFields)
  return fieldTables()
    .map(([title, table]) => [
      `### ${title}`,
      "",
      "| field | what becomes of it |",
      "| --- | --- |",
      ...rowsOf(table, general),
    ])
    .map((lines) => `${lines.join("\n")}\n`)
    .join("\n")
}
