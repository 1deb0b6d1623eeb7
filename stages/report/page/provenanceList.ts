import { contentOf, fill, showSection } from "./dom.ts"
import { type Content, h, type Markup } from "./Markup.ts"
import { bytesText, countText, secondsText } from "./numbers.ts"
import type { Page, Part } from "./Part.ts"
import type { MadeBy, MadeEntry, ProvenanceModel } from "./ReportModel.ts"

const short = (hash: string): string => hash.slice(0, 12)

const hash = (value: string): Markup => h("code", { title: value }, short(value))

const json = (value: unknown): Markup => h("pre", {}, JSON.stringify(value, undefined, 2))

const versions = (record: MadeBy): string =>
  [...Object.entries(record.native), ...Object.entries(record.packages)]
    .map(([name, version]) => `${name} ${version}`)
    .join(", ")

const item = (name: string, ...content: ReadonlyArray<Content>): Content => [h("dt", {}, name), h("dd", {}, ...content)]

const outputsText = (record: MadeBy): string =>
  Object.entries(record.outputs)
    .map(([name, { rows, bytes }]) => `${name}${rows === null ? "" : ` ${countText(rows)} rows`}, ${bytesText(bytes)}`)
    .join("; ")

/** «by postgres on gpu3, attempt 2, after 4 s of waiting»; of what was joined, each machine's parts. */
const makersText = ({ executor, host, parts }: MadeBy): ReadonlyArray<string> => [
  executor === null
    ? `the run itself on ${host}`
    : `by ${executor.name} on ${host}, attempt ${executor.attempt}, after ${secondsText(executor.queuedSeconds)} of waiting`,
  ...parts.map((made) => {
    const again = made.again === 0 ? "" : `, ${countText(made.again)} of them begun again`
    const waited = made.executor === null ? "" : `, after ${secondsText(made.queuedSeconds)} of waiting at most`
    const who = made.executor === null ? "" : ` by ${made.executor}`
    return `${countText(made.parts)} parts${who} on ${made.host} in ${secondsText(made.seconds)}${again}${waited}`
  }),
]

const recordDetails = (record: MadeBy): Markup =>
  h(
    "dl",
    {},
    item("Key", h("code", {}, record.key)),
    item("Made", `${record.at}, in ${secondsText(record.seconds)}, by run `, h("code", {}, record.run)),
    item("By", makersText(record).join("; ")),
    item("Output", outputsText(record)),
    item("Settings", json(record.config)),
    Object.keys(record.facts).length > 0 && item("Facts", json(record.facts)),
    record.warnings.length > 0 && item("Warnings", record.warnings.join("; ")),
    item("Code", h("code", {}, record.code)),
    item("Versions", `Node.js ${record.nodejs} on ${record.platform}; ${versions(record)}`),
  )

/** A result and everything it was made of, each once, nearest first. */
const chainOf = (records: ReadonlyMap<string, MadeBy>, last: MadeBy): ReadonlyArray<MadeBy> => {
  const chain: Array<MadeBy> = [last]
  for (const record of chain) {
    for (const { node } of Object.values(record.inputs).flat()) {
      const above = records.get(node)
      if (above !== undefined && !chain.includes(above)) chain.push(above)
    }
  }
  return chain
}

const entryOf = ({ name, hash: output }: MadeEntry, { records }: ProvenanceModel): Markup => {
  const byNode = new Map(records.map((record) => [record.node, record]))
  const maker = records.find(({ outputs }) => Object.values(outputs).some((each) => each.hash === output))
  const chain = maker === undefined ? [] : chainOf(byNode, maker)
  return h(
    "details",
    { class: "made", "data-entry": name },
    h(
      "summary",
      {},
      h("strong", {}, name),
      maker !== undefined &&
        h("span", {}, ` ${maker.node} · ${maker.at.slice(0, 10)} · ${secondsText(maker.seconds)} · `, hash(output)),
    ),
    maker === undefined
      ? h("p", {}, "What made this is not on record.")
      : h(
          "div",
          { class: "chain" },
          item("Content", h("code", {}, output)),
          chain.map((record) =>
            h(
              "details",
              { open: record === maker },
              h(
                "summary",
                {},
                h("strong", {}, record.node),
                ` ${record.at.slice(0, 16).replace("T", " ")} · ${secondsText(record.seconds)} · key `,
                hash(record.key),
              ),
              recordDetails(record),
            ),
          ),
        ),
  )
}

/** How each row of the table came about, down to the files it began with. What is open is part of the view. */
export const provenanceList = (page: Page): Part => {
  let drawnFor = -1
  let opened: string | undefined
  const host = contentOf("provenance")
  host.addEventListener(
    "toggle",
    (event) => {
      const entry = event.target instanceof HTMLDetailsElement ? event.target.dataset["entry"] : undefined
      if (entry === undefined || !(event.target instanceof HTMLDetailsElement)) return
      if (event.target.open) page.show({ made: entry })
      else if (opened === entry) page.show({ made: undefined })
    },
    // It does not bubble.
    true,
  )
  return {
    of: ["dataset", "made"],
    isPlot: false,
    draw: async ({ dataset, view }) => {
      const isKnown = dataset.systems.length > 0
      showSection("provenance", isKnown)
      if (!isKnown) return
      const model = await page.blocks.provenance()
      if (drawnFor !== view.dataset) {
        drawnFor = view.dataset
        opened = undefined
        fill(
          host,
          (model.entries[view.dataset] ?? []).map((entry) => entryOf(entry, model)),
        )
      }
      if (view.made === opened) return
      opened = view.made
      const named = [...host.querySelectorAll<HTMLDetailsElement>("details.made")].find(
        ({ dataset }) => dataset["entry"] === view.made,
      )
      if (named === undefined || named.open) return
      named.open = true
      named.scrollIntoView({ block: "start" })
    },
  }
}
