import { existsSync, readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { kindOfLabels, kindOfRecord, kindOfText } from "../../stages/ingest/QueryKind.ts"

const data = "../shared/data"

describe("a query's kind", () => {
  it("I80 is told by question words, a question mark, an auxiliary at the start, or a word that asks for one fact", () => {
    const questions = [
      ...[
        "who owns barnhart crane",
        "the river rises where",
        "tomorrow's weather?",
        "is it raining",
        "Don't cats purr",
      ],
      ...["dopamine definition", "what’s a library", "How  tall", "price？"],
    ]
    for (const text of questions) expect([text, kindOfText(text)]).toEqual([text, "question"])
  })

  it("I80 wishes for many things, and anything else, are browsing", () => {
    const wishes = [
      "best inns",
      "what are the best foods",
      "types of clouds",
      "laptop",
      "quiet inns by the river",
      "",
      "…",
      "island hotels",
    ]
    for (const text of wishes) expect([text, kindOfText(text)]).toEqual([text, "browse"])
  })

  it("I24 labels: DL-Hard's intent, MS MARCO's query type; no label, no kind", () => {
    expect(kindOfLabels({ metadata: { dl_hard: { intent: "list" }, query_type: "PERSON" } })).toBe("browse")
    expect(kindOfLabels({ metadata: { dl_hard: { intent: "quantity" } } })).toBe("question")
    expect(kindOfLabels({ query_type: "ENTITY" })).toBe("question")
    for (const record of [
      null,
      3,
      "kind",
      {},
      { metadata: null },
      { metadata: { query_type: 5 } },
      { metadata: { query_type: "SPAM" } },
    ]) {
      expect(kindOfLabels(record)).toBeUndefined()
    }
    expect(kindOfRecord({ kind: "browse", metadata: { kind: "question" } })).toBe("browse")
  })

  const rows = (file: string) =>
    readFileSync(`${data}/${file}`, "utf8")
      .trim()
      .split("\n")
      .map((line) => line.split("\t"))

  it.skipIf(!existsSync(`${data}/msmarco-query-types`))(
    "I81 its rule finds at least 88 % of MS MARCO's typed queries to be questions (needs ../shared)",
    () => {
      const typed = rows("msmarco-query-types/queries.tsv").slice(1)
      const right = typed.filter(([, text = ""]) => kindOfText(text) === "question").length
      expect(typed.length).toBe(2552)
      expect(right / typed.length).toBeGreaterThan(0.88)
    },
  )

  it.skipIf(!existsSync(`${data}/msmarco-passage-sub`))(
    "I81 its rule agrees with DL-Hard's intents on at least 85 % of queries (needs ../shared)",
    () => {
      const annotated = rows("msmarco-passage-sub/original/dl-hard.annotations.tsv")
      const right = annotated.filter(
        ([, text = "", intent]) =>
          kindOfText(text) === (intent === "list" || intent === "resource" ? "browse" : "question"),
      ).length
      expect(annotated.length).toBe(400)
      expect(right / annotated.length).toBeGreaterThan(0.85)
    },
  )
})
