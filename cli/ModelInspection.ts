import { type Head, type InputSpec, templateText } from "../schemas/index.ts"
import type { Inspection } from "../stages/model/index.ts"
import { formatBytes, formatCount } from "./Quantity.ts"

const plural = (count: number, one: string): string => `${formatCount(count)} ${one}${count === 1 ? "" : "s"}`

const headText = (head: Head): string => {
  switch (head.kind) {
    case "decoder-logit":
      return `decoder-logit of entry ${head.token}`
    case "decoder-choice":
      return `decoder-choice of entry ${head.yes} against ${head.no}`
    case "classifier":
      return head.labels === 1
        ? "classifier of 1 label"
        : `classifier, ${head.independent === true ? "logit" : "log-probability"} of label ${head.label} of ${head.labels}`
    case "embedding":
      return [
        `embedding, ${head.pooling ?? "mean"}`,
        ...(head.leavesOutPrompt === true ? ["without the prompt's tokens"] : []),
        ...(head.dense ?? []).map(({ activation, inputs, outputs }) => `Dense ${inputs} → ${outputs}, ${activation}`),
        ...(head.truncateDim === undefined ? [] : [`its first ${head.truncateDim} numbers`]),
        head.similarity ?? "cosine",
      ].join(" · ")
    default:
      return head.kind
  }
}

const inputText = ({ maximumTokens, texts }: InputSpec): string => {
  const limit = `at most ${formatCount(maximumTokens)} tokens`
  if (texts.kind === "single") {
    const before = (prefix: string): string => (prefix === "" ? "no prefix" : `the prefix «${prefix}»`)
    return `each text on its own · queries with ${before(texts.queryPrefix)}, passages with ${before(texts.passagePrefix)} · ${limit}`
  }
  const { template } = texts
  if (template === "pair") {
    const { queryPrefix = "" } = texts
    return `the tokenizer's layout for a pair${queryPrefix === "" ? "" : ` behind the prompt «${queryPrefix}»`} · ${limit}`
  }
  return `${template.bos ? "bos " : ""}«${templateText(template)}»${template.eos ? " eos" : ""} · ${limit}`
}

type Fit = NonNullable<NonNullable<Inspection["weights"]>["fit"]>

const fitText = ({ extra, misshaped, missing }: Fit): ReadonlyArray<string> => {
  const lines = [
    ...missing.map((name) => `missing: ${name}`),
    ...misshaped.map(({ expected, found, name }) => `${name} is [${found.join(", ")}], not [${expected.join(", ")}]`),
    ...extra.map((name) => `unexpected: ${name}`),
  ]
  return lines.length === 0 ? ["every tensor is there, none is too many"] : lines
}

/** How many findings say that the model cannot be taken as it is: problems, and tensors that do not fit. */
export const errorsIn = ({ problems, weights }: Inspection): number => {
  const { extra = [], misshaped = [], missing = [] } = weights?.fit ?? {}
  return problems.length + extra.length + misshaped.length + missing.length
}

/** A model, looked at: a line for each part, then warnings and problems. */
export const renderInspection = (found: Inspection): string => {
  const {
    classes,
    files,
    graph,
    head,
    heads,
    input,
    name,
    origin,
    parameters,
    problems,
    sizes,
    tokenizer,
    warnings,
    weights,
  } = found
  const rows: Array<readonly [string, string]> = [["model", `${name} · ${origin}`]]
  const row = (title: string, ...parts: ReadonlyArray<string>): void => {
    rows.push([title, parts.join(" · ")])
  }
  if (sizes !== undefined) {
    const listed = Object.entries(sizes).map(([size, value]) => `${size} ${formatCount(value)}`)
    row("architecture", found.family, ...(classes ?? []), ...listed)
  }
  if (parameters !== undefined) {
    const { embedding, encoder } = parameters
    const all = encoder + embedding + (parameters.head ?? 0)
    const ofHead = parameters.head === undefined ? [] : [`head ${formatCount(parameters.head)}`]
    row(
      "parameters",
      formatCount(all),
      `encoder ${formatCount(encoder)}`,
      `embedding ${formatCount(embedding)}`,
      ...ofHead,
    )
  }
  if (weights !== undefined) {
    const dtypes = Object.entries(weights.dtypes)
    row(
      "weights",
      ...dtypes.map(([dtype, { bytes, tensors }]) => `${plural(tensors, "tensor")} of ${dtype}, ${formatBytes(bytes)}`),
    )
  }
  if (graph !== undefined) {
    const opsets = Object.entries(graph.opsets).map(([domain, version]) => `${domain} ${version}`)
    row("graph", `operators ${opsets.join(", ")}`, ...(graph.producer === "" ? [] : [`written by ${graph.producer}`]))
    for (const value of graph.inputs) row("  input", value)
    for (const value of graph.outputs) row("  output", value)
    if (graph.dataFiles.length > 0) row("  weights in", graph.dataFiles.join(", "))
  }
  row("files", files.map((file) => `${file.name} ${formatBytes(file.bytes)}`).join(", "))
  if (tokenizer !== undefined) {
    const { description, entries, joinsTexts, layouts, special } = tokenizer
    const ids = Object.entries(special).map(([part, id]) => `${part} ${id}`)
    row("tokenizer", description, `ids below ${formatCount(entries)}`, ...ids)
    if (layouts !== undefined) row("  layouts", layouts.single, layouts.pair)
    if (!joinsTexts) row("  templates", "none can be used: it does not decompose at spaces")
  }
  if (head !== undefined) row("head", headText(head))
  if (heads !== undefined) row("  possible", heads.join(", "))
  if (input !== undefined) row("input", inputText(input))
  if (weights?.fit !== undefined) for (const line of fitText(weights.fit)) row("fit", line)
  const width = Math.max(...rows.map(([title]) => title.length))
  return [
    ...rows.map(([title, text], i) => `${(title === rows[i - 1]?.[0] ? "" : title).padEnd(width)}  ${text}`),
    ...warnings.map((warning) => `! ${warning}`),
    ...problems.map((problem) => `✗ ${problem}`),
  ].join("\n")
}
