import type { QueryKind } from "../../schemas/index.ts"

/**
 * Which searcher asks, told from the words alone. In this order:
 *
 * 1. a wish for many things (`best`, `types of`, `examples`, `list of`, `ideas`, …) is browsing, however it is put;
 * 2. a question mark, a question word anywhere, an auxiliary verb at the start, or a word that asks for one fact
 *    (`define`, `meaning`, `difference`, `cost`, …) is a question;
 * 3. anything else is browsing.
 *
 * A rule of thumb for English: a label from the collection or from the user always comes first.
 */
export const kindOfText = (text: string): QueryKind => {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+(?:['’][\p{L}]+)*/gu) ?? []
  const joined = ` ${words.join(" ")} `
  if (wishes.some((wish) => joined.includes(` ${wish} `))) return "browse"
  if (/[?？]\s*$/.test(text)) return "question"
  if (words.some((word) => asking.has(word.replace(/['’].*$/, "")))) return "question"
  const [first] = words
  if (first !== undefined && auxiliaries.has(first.replace(/n['’]t$/, ""))) return "question"
  return words.some((word) => facts.has(word)) ? "question" : "browse"
}

const asking: ReadonlySet<string> = new Set([
  ...["who", "whom", "whose", "what", "whats", "when", "where", "wheres", "which", "why", "how", "hows", "whos"],
])
const auxiliaries: ReadonlySet<string> = new Set([
  ...["is", "are", "was", "were", "am", "do", "does", "did", "can", "could", "should", "would", "will", "shall", "may"],
  ...["might", "must", "has", "have", "had"],
])
const facts: ReadonlySet<string> = new Set([
  ...["define", "defined", "definition", "meaning", "means", "synonym", "difference", "cost", "salary", "population"],
  ...["average", "temperature", "distance", "phone", "address", "cause", "number", "age", "calories", "weather"],
])
const wishes: ReadonlyArray<string> = [
  ...["types of", "kinds of", "different types", "list of", "examples of", "signs of", "causes of", "symptoms of"],
  ...["the symptoms", "the best", "best", "ideas", "things to do", "top 10", "what foods", "select all that apply"],
]

/** MS MARCO QnA's `query_type`: five kinds of answer, each to a question. */
const answerTypes: ReadonlySet<string> = new Set(["DESCRIPTION", "NUMERIC", "ENTITY", "LOCATION", "PERSON"])

const text = (value: unknown, name: string): string | undefined => {
  const found = part(value, name)
  return typeof found === "string" ? found : undefined
}

const part = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null
    ? Object.entries<unknown>({ ...value }).find(([key]) => key === name)?.[1]
    : undefined

/** What a query's record says of its kind in so many words: `kind`, in the record or in its metadata. */
export const kindOfRecord = (record: unknown): string | undefined =>
  text(record, "kind") ?? text(part(record, "metadata"), "kind")

/**
 * The kind that follows from a label the record carries: DL-Hard's intent (`list` and `resource` are browsing, the rest
 * questions), or MS MARCO's `query_type` (always a question).
 */
export const kindOfLabels = (record: unknown): QueryKind | undefined => {
  const metadata = part(record, "metadata")
  const intent = text(part(metadata, "dl_hard"), "intent")
  if (intent !== undefined) return intent === "list" || intent === "resource" ? "browse" : "question"
  const type = text(metadata, "query_type") ?? text(record, "query_type")
  return type !== undefined && answerTypes.has(type) ? "question" : undefined
}
