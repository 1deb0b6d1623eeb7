import { fileNameOf } from "./fileName.ts"
import { type Content, h, type Markup } from "./Markup.ts"
import { changeText, valueText } from "./numbers.ts"
import { changeOf } from "./PairedQuery.ts"
import type { QueryList, ShownPassage } from "./ReportModel.ts"
import type { TableData } from "./TableData.ts"
import type { Shown } from "./View.ts"
import { queryWords, withMarks } from "./words.ts"

/** The values of both systems on a query, by measure. */
export interface QueryValues {
  readonly measure: string
  readonly first: number
  readonly second: number
}

/** A passage with its rank in both lists; 0 where it is not in one. */
export interface PlacedPassage {
  readonly passage: ShownPassage
  readonly first: number
  readonly second: number
}

const rankOf = (ranks: string, system: number): number => {
  const found = ranks.split(" ").find((place) => place.startsWith(`${system}:`))
  return found === undefined ? 0 : Number(found.slice(found.indexOf(":") + 1))
}

/** Where passages stand with the two systems that are shown. */
export const placePassages = (passages: ReadonlyArray<ShownPassage>, { view }: Shown): ReadonlyArray<PlacedPassage> =>
  passages.map((passage) => ({
    passage,
    first: rankOf(passage.ranks, view.first),
    second: rankOf(passage.ranks, view.second),
  }))

const gradeChip = (grade: number | null): Markup =>
  grade === null
    ? h("span", { class: "grade unjudged", title: "nobody judged it" }, "–")
    : h(
        "span",
        {
          class: `grade ${grade > 0 ? `relevant level-${Math.min(3, grade)}` : "irrelevant"}`,
          title: `grade ${grade}`,
        },
        h("span", { class: "hidden" }, "grade "),
        String(grade),
      )

/** How a rank changed from the other list to this one. */
const moveText = (rank: number, other: number, otherSystem: string): Content => {
  if (other === 0)
    return h(
      "span",
      { class: "move new", title: `${otherSystem} does not rank it so far up that it is on record` },
      "new",
    )
  const up = other - rank
  if (up === 0) return h("span", { class: "move same", title: `the same rank with ${otherSystem}` }, "=")
  return h(
    "span",
    { class: up > 0 ? "move up" : "move down", title: `rank ${other} with ${otherSystem}` },
    `${up > 0 ? "▲" : "▼"}${Math.abs(up)}`,
  )
}

const passageText = ({ title, text, cut }: ShownPassage, words: ReadonlySet<string>): Content => [
  title !== null && h("strong", { class: "title", dir: "auto" }, withMarks(title, words)),
  h("span", { class: "text", dir: "auto" }, withMarks(text, words), cut && "…"),
]

const card = ({ passage }: PlacedPassage, rank: number, move: Content, words: ReadonlySet<string>): Markup =>
  h(
    "li",
    { class: "passage", "data-docid": passage.docid },
    h(
      "div",
      { class: "place" },
      h("span", { class: "rank" }, rank === 0 ? "" : String(rank)),
      gradeChip(passage.grade),
      move,
    ),
    h("div", { class: "body" }, passageText(passage, words), h("code", { class: "docid" }, passage.docid)),
  )

const column = (
  system: string,
  otherSystem: string,
  passages: ReadonlyArray<PlacedPassage>,
  rank: (placed: PlacedPassage) => number,
  other: (placed: PlacedPassage) => number,
  depth: number,
  words: ReadonlySet<string>,
  isSecond: boolean,
): Markup => {
  const listed = passages
    .filter((placed) => rank(placed) > 0 && rank(placed) <= depth)
    .sort((a, b) => rank(a) - rank(b))
  return h(
    "section",
    { class: isSecond ? "column second" : "column", "aria-label": `Results of ${system}` },
    h("h4", {}, system),
    listed.length === 0
      ? h("p", { class: "empty" }, "found nothing")
      : h(
          "ol",
          {},
          listed.map((placed) => card(placed, rank(placed), moveText(rank(placed), other(placed), otherSystem), words)),
        ),
  )
}

const rankWords = (rank: number, moves: number): string => (rank === 0 ? `not in the first ${moves}` : `rank ${rank}`)

/** What both systems reach on a query, as a table that can be saved. */
export const measuresData = (
  shown: Shown,
  queries: QueryList,
  query: number,
  values: ReadonlyArray<QueryValues>,
): TableData => {
  const text = changeText
  return {
    file: fileNameOf(shown, "query", queries.qids[query] ?? ""),
    title: `${queries.texts[query] ?? ""} (${queries.qids[query] ?? ""} of ${shown.dataset.name})`,
    columns: [
      { name: "Measure" },
      ...[shown.firstSystem, shown.secondSystem].map((name) => ({ name, text: (value: number) => value.toFixed(4) })),
      { name: "Change", text },
    ],
    rows: values.map(({ first, measure, second }) => [measure, first, second, changeOf(first, second)]),
  }
}

/** What both systems reach on a query. */
const measuresTable = ({ firstSystem, secondSystem }: Shown, values: ReadonlyArray<QueryValues>): Markup => {
  const line = (name: string, cells: ReadonlyArray<Markup>): Markup =>
    h("tr", {}, h("th", { scope: "row" }, name), cells)
  const figures = (valueOf: (of: QueryValues) => number): ReadonlyArray<Markup> =>
    values.map((each) => h("td", { class: "number" }, valueText(each.measure, valueOf(each))))
  const changes = values.map(({ first, second }) => {
    const change = changeOf(first, second)
    return h("td", { class: `number ${change > 0 ? "gain" : change < 0 ? "loss" : ""}` }, changeText(change))
  })
  return h(
    "table",
    { class: "small" },
    h("caption", { class: "hidden" }, "Measures of this query"),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("td", {}),
        values.map(({ measure }) => h("th", { scope: "col", class: "number" }, measure)),
      ),
    ),
    h(
      "tbody",
      {},
      line(
        firstSystem,
        figures(({ first }) => first),
      ),
      line(
        secondSystem,
        figures(({ second }) => second),
      ),
      line("change", changes),
    ),
  )
}

/** One query: its measures, both lists, and what is relevant and in neither. */
export const queryView = (
  shown: Shown,
  queries: QueryList,
  query: number,
  values: ReadonlyArray<QueryValues>,
  passages: ReadonlyArray<PlacedPassage>,
  { depth, moves }: { readonly depth: number; readonly moves: number },
): ReadonlyArray<Markup> => {
  const text = queries.texts[query] ?? ""
  const words = queryWords(text)
  const { firstSystem, secondSystem } = shown
  const isListed = (rank: number): boolean => rank > 0 && rank <= depth
  const missed = passages
    .filter(({ passage, first, second }) => (passage.grade ?? 0) > 0 && !isListed(first) && !isListed(second))
    .sort((a, b) => (b.passage.grade ?? 0) - (a.passage.grade ?? 0))
  return [
    h(
      "header",
      {},
      h("h3", { dir: "auto", tabindex: "-1" }, text),
      h("p", { class: "about" }, h("code", {}, queries.qids[query] ?? ""), ` · ${queries.kinds[query] ?? ""} query`),
      h("div", { class: "scroll" }, measuresTable(shown, values)),
    ),
    h(
      "div",
      { class: "columns" },
      column(
        firstSystem,
        secondSystem,
        passages,
        ({ first }) => first,
        ({ second }) => second,
        depth,
        words,
        false,
      ),
      column(
        secondSystem,
        firstSystem,
        passages,
        ({ second }) => second,
        ({ first }) => first,
        depth,
        words,
        true,
      ),
    ),
    ...(missed.length === 0
      ? []
      : [
          h(
            "section",
            { class: "missed", "aria-label": "Relevant and in neither list" },
            h("h4", {}, `Relevant, and in neither list: ${missed.length}`),
            h(
              "ul",
              {},
              missed.map((placed) =>
                card(
                  placed,
                  0,
                  h(
                    "span",
                    { class: "where" },
                    `${firstSystem}: ${rankWords(placed.first, moves)} · ${secondSystem}: ${rankWords(placed.second, moves)}`,
                  ),
                  words,
                ),
              ),
            ),
          ),
        ]),
  ]
}
