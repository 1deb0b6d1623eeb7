import { causeText, isRecord } from "../../../schemas/index.ts"
import type { WeightForm } from "../contract.ts"
import { WeightsUnusable } from "../RetrieveError.ts"
import { textLines } from "./textLines.ts"

/** Terms, each with its weight. */
export interface TermWeights {
  readonly terms: ReadonlyArray<string>
  /** As 32 bits have them, above 0. */
  readonly weights: ReadonlyArray<number>
}

/** A vector of learned weights as its line has it. */
export interface WeightedTerms extends TermWeights {
  readonly line: number
  readonly id: string
}

/** The nearest whole number; of two equally near ones the even, as numpy's `rint`. */
const rounded = (x: number): number => {
  const down = Math.floor(x)
  const left = x - down
  if (left !== 0.5) return Math.round(x)
  return down % 2 === 0 ? down : down + 1
}

/** How a weight is taken. */
const weightOf = ({ scale, weights }: WeightForm): ((weight: number) => number) => {
  switch (weights) {
    case "real":
      return (weight) => Math.fround(weight * scale)
    case "rounded":
      return (weight) => rounded(weight * scale)
    case "truncated":
      return (weight) => Math.trunc(weight * scale)
  }
}

const idNames = ["id", "_id", "docid", "qid"]

const decodeVector = (
  file: string,
  line: number,
  record: Readonly<Record<string, unknown>>,
  take: (weight: number) => number,
): WeightedTerms => {
  const wrong = (problem: string, remedy: string) => new WeightsUnusable({ file, line, problem, remedy })
  const id = idNames.map((name) => record[name]).find((value) => value !== undefined)
  if (typeof id !== "string" && typeof id !== "number") {
    throw wrong('there is no "id"', "Give each line its passage's docid, or its query's qid, as \"id\".")
  }
  const { vector } = record
  if (!isRecord(vector) || Array.isArray(vector)) {
    const found = vector === undefined ? "there is none" : Array.isArray(vector) ? "it is a list" : "it is no object"
    throw wrong(
      `"vector" should hold a weight for each term: ${found}`,
      'Write {"id": "…", "vector": {"term": 1.5}}, as Anserini\'s JsonVectorCollection has it; lists are dense vectors (retrieve.dense).',
    )
  }
  const terms: Array<string> = []
  const weights: Array<number> = []
  for (const [term, weight] of Object.entries(vector)) {
    if (typeof weight !== "number") throw wrong(`the weight of «${term}» is no number`, "Write a number from 0 up.")
    const taken = take(weight)
    if (!(weight >= 0) || !Number.isFinite(taken)) {
      throw wrong(
        `the weight of «${term}» is ${weight}`,
        "Weights are numbers from 0 up: negative ones would need another search.",
      )
    }
    if (taken === 0) continue
    terms.push(term)
    weights.push(taken)
  }
  return { line, id: String(id), terms, weights }
}

/** A query of Pyserini's pre-encoded topics: the qid, a tab, and terms that stand as often as they weigh. */
const decodeTopic = (file: string, line: number, text: string, take: (weight: number) => number): WeightedTerms => {
  const tab = text.indexOf("\t")
  if (tab < 1) {
    const problem = "it is neither a JSON object nor a qid, a tab and terms"
    throw new WeightsUnusable({ file, line, problem, remedy: 'Write {"id": "…", "vector": {…}}, or qid, tab, terms.' })
  }
  const counts = countedWords(text.slice(tab + 1))
  const kept = [...counts].map(([term, count]) => [term, take(count)] as const).filter(([, weight]) => weight > 0)
  return { line, id: text.slice(0, tab), terms: kept.map(([term]) => term), weights: kept.map(([, weight]) => weight) }
}

/** How often each word between white space stands in a text. */
const countedWords = (text: string): Map<string, number> => {
  const counts = new Map<string, number>()
  for (const word of text.split(/\s+/u)) if (word !== "") counts.set(word, (counts.get(word) ?? 0) + 1)
  return counts
}

/**
 * The vectors of a file, in batches: JSON lines, or, of queries, Pyserini's lines of repeated terms.
 *
 * @param file the name for errors
 * @param topics whether a line may be a qid, a tab and terms
 * @throws WeightsUnusable
 */
export async function* weightedTerms(
  path: string,
  file: string,
  form: WeightForm,
  topics: boolean,
): AsyncGenerator<ReadonlyArray<WeightedTerms>> {
  const take = weightOf(form)
  const decode = ({ line, text }: { readonly line: number; readonly text: string }): WeightedTerms => {
    if (topics && !/^\s*\{/.test(text)) return decodeTopic(file, line, text.replace(/\r$/, ""), take)
    let record: unknown
    try {
      record = JSON.parse(text)
    } catch (cause) {
      const remedy = "Write one whole JSON object on each line; NaN and Infinity are no JSON."
      throw new WeightsUnusable({ file, line, problem: `it is no JSON object (${causeText(cause)})`, remedy })
    }
    if (isRecord(record)) return decodeVector(file, line, record, take)
    const remedy = 'Write {"id": "…", "vector": {"term": 1.5}} on each line.'
    throw new WeightsUnusable({ file, line, problem: "it is no JSON object", remedy })
  }
  for await (const lines of textLines(path, file)) yield lines.map(decode)
}

/** The words of a text, between white space, as often as they stand there. */
export const wordsOf = (text: string): TermWeights => {
  const counts = countedWords(text)
  return { terms: [...counts.keys()], weights: [...counts.values()] }
}
