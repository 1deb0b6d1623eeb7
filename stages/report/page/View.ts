import type { CandidatesRow, DatasetModel, ReportModel, SplitModel, SystemRow } from "./ReportModel.ts"

/** How the list of queries can be ordered. */
export const listOrders = {
  gain: "largest gain first",
  loss: "largest loss first",
  worst: "worst with the second first",
  qid: "by query id",
} as const
export type ListOrder = keyof typeof listOrders

export const outcomes = { all: "any change", gain: "gains", loss: "losses", tie: "ties" } as const
export type Outcome = keyof typeof outcomes

export const isOrder = (value: string): value is ListOrder => Object.hasOwn(listOrders, value)
export const isOutcome = (value: string): value is Outcome => Object.hasOwn(outcomes, value)

/** What a reader of the page has chosen: all of its state. Its address says it in words. */
export interface View {
  /** Positions in the model's lists. */
  readonly dataset: number
  readonly split: number
  /** `all`, or a kind of query. */
  readonly kind: string
  readonly measure: number
  /** The two systems that are held against each other. */
  readonly first: number
  readonly second: number
  /** By which measure the table is sorted; as it was wired where by none. */
  readonly sort: number | undefined
  /** The measure of the depth profile, without cutoff. */
  readonly depth: string
  /** What a system's cost is: `time` a query, or `pairs` a second. */
  readonly cost: Cost
  /** The model whose training is shown; all where none is named. */
  readonly training: string
  /** The list of queries: words to be found, change, order. */
  readonly find: string
  readonly change: Outcome
  readonly list: ListOrder
  /** Whether passages are shown whole. */
  readonly whole: boolean
  /** The qid of the query that is read. */
  readonly query: string | undefined
  /** The entry of the provenance that is open. */
  readonly made: string | undefined
}

export type Cost = "time" | "pairs"

/** A view with what its positions mean. */
export interface Shown {
  readonly view: View
  readonly dataset: DatasetModel
  readonly split: SplitModel
  readonly measure: string
  readonly firstSystem: string
  readonly secondSystem: string
  /** Where a system's colour stands in the palette: the same in every collection. */
  readonly placeOf: (system: string) => number
}

const baselineOf = ({ significance, systems }: DatasetModel): string =>
  significance?.baselines[0] ?? (systems.includes("bm25") ? "bm25" : (systems[0] ?? ""))

/** Where each system's colour stands: the baseline first, then all of the page in the order of the tables. */
export const placesOf = (model: ReportModel): ReadonlyMap<string, number> => {
  const [first] = model.datasets
  const systems = new Set([
    ...(first === undefined ? [] : [baselineOf(first)]),
    ...model.datasets.flatMap(({ systems }) => systems),
  ])
  return new Map([...systems].map((system, place) => [system, place]))
}

/** @param view positions that exist in the model. */
export const shownOf = (model: ReportModel, view: View): Shown => {
  const dataset = model.datasets[view.dataset]!
  const places = placesOf(model)
  return {
    view,
    dataset,
    split: dataset.splits[view.split]!,
    measure: dataset.measures[view.measure]!,
    firstSystem: dataset.systems[view.first]!,
    secondSystem: dataset.systems[view.second]!,
    placeOf: (system) => places.get(system) ?? 0,
  }
}

export const rowsOf = ({ dataset, split }: Pick<Shown, "dataset" | "split">, kind: string): ReadonlyArray<SystemRow> =>
  dataset.rows.filter((row) => row.split === split.name && row.kind === kind)

export const candidatesOf = ({ dataset, split }: Shown, kind: string): CandidatesRow | undefined =>
  dataset.candidates.find((row) => row.split === split.name && row.kind === kind)

/** The kinds that can be told apart: none where all queries are of one kind. */
export const kindsOf = (split: SplitModel): ReadonlyArray<string> => (split.kinds.length > 1 ? split.kinds : [])

/** The row with the highest mean; of equals the first. */
export const bestOf = (rows: ReadonlyArray<SystemRow>, measure: string): SystemRow | undefined => {
  let best: SystemRow | undefined
  for (const row of rows) {
    if (best === undefined || (row.means[measure] ?? 0) > (best.means[measure] ?? 0)) best = row
  }
  return best
}

/** What both kinds of searcher are held against first: the one wants an answer on top, the other a good list. */
const firstMeasure = "nDCG@10"

/**
 * The view of a collection that the page opens with: its test split, nDCG@10 where it was measured, the usual baseline against the
 * best of the others.
 */
export const initialView = (model: ReportModel, dataset = 0): View => {
  const of = model.datasets[dataset]!
  const { splits, systems, measures, rows } = of
  const test = splits.findIndex(({ name }) => name === "test")
  const split = test < 0 ? splits.length - 1 : test
  const measure = Math.max(0, measures.indexOf(firstMeasure))
  const first = Math.max(0, systems.indexOf(baselineOf(of)))
  const others = rows.filter(
    (row) => row.split === splits[split]?.name && row.kind === "all" && row.system !== systems[first],
  )
  const best = bestOf(others, measures[measure] ?? "")
  const second = best === undefined ? first : systems.indexOf(best.system)
  return {
    ...{
      dataset,
      split,
      kind: "all",
      measure,
      first,
      second,
      sort: undefined,
      depth: "nDCG",
      cost: "time",
      training: "",
    },
    ...{ find: "", change: "all", list: "gain", whole: false, query: undefined, made: undefined },
  }
}

/** A view after a choice: another collection begins anew, and a query belongs to its split and kind. */
export const changed = (model: ReportModel, view: View, change: Partial<View>): View => {
  if (change.dataset !== undefined && change.dataset !== view.dataset)
    return { ...initialView(model, change.dataset), ...change }
  const isOther = change.split !== undefined || change.kind !== undefined
  return { ...view, ...(isOther ? { query: undefined } : {}), ...change }
}

const outcome = (text: string): Outcome | undefined => (isOutcome(text) ? text : undefined)
const order = (text: string): ListOrder | undefined => (isOrder(text) ? text : undefined)

const positionIn = (names: ReadonlyArray<string>, name: string): number | undefined => {
  const position = names.indexOf(name)
  return position < 0 ? undefined : position
}

/** A part of the address: how it is written, none for nothing, and what it is read as. */
interface Parameter<K extends keyof View = keyof View> {
  readonly field: K
  readonly name: string
  readonly write: (view: View, shown: Shown) => string | undefined
  readonly read: (text: string, model: ReportModel, view: View) => View[K] | undefined
}

const parameter = <K extends keyof View>(
  field: K,
  name: string,
  write: Parameter<K>["write"],
  read: Parameter<K>["read"],
) => ({
  field,
  name,
  write,
  /** The view with what is written; as it was where that means nothing in this page. */
  into: (text: string, model: ReportModel, view: View): View => {
    const value = read(text, model, view)
    return value === undefined ? view : { ...view, [field]: value }
  },
})

const datasetOf = (model: ReportModel, view: View): DatasetModel => model.datasets[view.dataset]!

/** In the order of the address; what a later one is read by stands before it. */
const parameters = [
  parameter(
    "split",
    "split",
    (_, { split }) => split.name,
    (text, model, view) =>
      positionIn(
        datasetOf(model, view).splits.map(({ name }) => name),
        text,
      ),
  ),
  parameter(
    "kind",
    "kind",
    ({ kind }) => kind,
    (text, model, view) => {
      const split = datasetOf(model, view).splits[view.split]
      return split !== undefined && ["all", ...kindsOf(split)].includes(text) ? text : undefined
    },
  ),
  parameter(
    "measure",
    "measure",
    (_, { measure }) => measure,
    (text, model, view) => positionIn(datasetOf(model, view).measures, text),
  ),
  parameter(
    "first",
    "compare",
    (_, { firstSystem }) => firstSystem,
    (text, model, view) => positionIn(datasetOf(model, view).systems, text),
  ),
  parameter(
    "second",
    "with",
    (_, { secondSystem }) => secondSystem,
    (text, model, view) => positionIn(datasetOf(model, view).systems, text),
  ),
  parameter(
    "sort",
    "sort",
    ({ sort }, { dataset }) => (sort === undefined ? undefined : dataset.measures[sort]),
    (text, model, view) => positionIn(datasetOf(model, view).measures, text),
  ),
  parameter(
    "depth",
    "depth",
    ({ depth }) => depth,
    (text) => text,
  ),
  parameter(
    "cost",
    "cost",
    ({ cost }) => cost,
    (text) => (text === "time" || text === "pairs" ? text : undefined),
  ),
  parameter(
    "training",
    "training",
    ({ training }) => training,
    (text) => text,
  ),
  parameter(
    "find",
    "find",
    ({ find }) => find,
    (text) => text,
  ),
  parameter("change", "change", ({ change }) => change, outcome),
  parameter("list", "list", ({ list }) => list, order),
  parameter(
    "whole",
    "whole",
    ({ whole }) => (whole ? "yes" : ""),
    (text) => text === "yes",
  ),
  parameter(
    "query",
    "query",
    ({ query }) => query,
    (text) => text,
  ),
  parameter(
    "made",
    "made",
    ({ made }) => made,
    (text) => text,
  ),
]

/** What a fragment may hold as it is, and is easier read. */
const readable: Readonly<Record<string, string>> = { "%40": "@", "%2C": ",", "%3A": ":", "%2F": "/", "%20": "+" }

const encoded = (text: string): string =>
  encodeURIComponent(text.replaceAll(/\p{Surrogate}/gu, "\ufffd")).replaceAll(
    /%(?:40|2C|3A|2F|20)/g,
    (code) => readable[code] ?? code,
  )

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text.replaceAll("+", "%20"))
  } catch {
    return text
  }
}

/** The part of the page's address behind `#` that says a view: what differs from the view that its collection opens with. */
export const addressOf = (model: ReportModel, view: View): string => {
  const opened = initialView(model, view.dataset)
  const [shown, usual] = [shownOf(model, view), shownOf(model, opened)]
  const dataset = view.dataset === 0 ? [] : [["collection", shown.dataset.name] as const]
  const said = parameters.flatMap(({ field, name, write }) => {
    const text = write(view, shown)
    return view[field] === opened[field] || text === undefined || text === write(opened, usual)
      ? []
      : [[name, text] as const]
  })
  return [...dataset, ...said].map(([name, text]) => `${name}=${encoded(text)}`).join("&")
}

/** The view that an address says. What it names and this page has not stays as the page opens. */
export const viewAt = (model: ReportModel, address: string): View => {
  const said = new Map(
    address
      .replace(/^#/, "")
      .split("&")
      .map((part) => {
        const at = part.indexOf("=")
        return at < 0 ? [part, ""] : [part.slice(0, at), decoded(part.slice(at + 1))]
      }),
  )
  const collection = said.get("collection")
  const dataset =
    collection === undefined
      ? undefined
      : positionIn(
          model.datasets.map(({ name }) => name),
          collection,
        )
  return parameters.reduce(
    (view, { name, into }) => {
      const text = said.get(name)
      return text === undefined ? view : into(text, model, view)
    },
    initialView(model, dataset ?? 0),
  )
}
