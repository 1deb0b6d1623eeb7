import { speedOf } from "./costs.ts"
import { contentOf, fill, showSection } from "./dom.ts"
import { countText, percentText, secondsText } from "./numbers.ts"
import type { Page, Part } from "./Part.ts"
import type { ProvenanceModel } from "./ReportModel.ts"
import { saveButtons } from "./save.ts"
import type { TableData } from "./TableData.ts"
import { plainTable, tableKinds } from "./tables.ts"

const numberOf = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined)
const textOf = (value: unknown): string => (typeof value === "string" ? value : "")

/** Pairs a second, and on what, of each reranker. */
const throughputData = ({ records }: ProvenanceModel): TableData => ({
  file: "reranking-speed",
  title: "Reranking speed",
  columns: [
    { name: "Reranker" },
    { name: "Pairs", text: countText },
    { name: "Time", text: secondsText },
    { name: "Pairs a second", text: (value) => countText(Math.round(value)) },
    { name: "Padding", text: percentText },
    { name: "Where" },
  ],
  rows: records.flatMap((record) => {
    const speed = speedOf(record)
    if (record.stage !== "rerank" || speed === undefined) return []
    const { facts, node, seconds } = record
    const [tokens, padded] = [numberOf(facts["tokens"]), numberOf(facts["paddedTokens"])]
    const waste = tokens === undefined || padded === undefined || padded === 0 ? null : 1 - tokens / padded
    const where = [textOf(facts["deviceName"]) || textOf(facts["device"]), textOf(facts["precision"])]
    return [[node, speed.pairs, seconds, speed.speed ?? null, waste, where.filter((text) => text !== "").join(", ")]]
  }),
})

/** What scoring the candidates took, reranker by reranker. */
export const throughputTable = (page: Page): Part => ({
  of: ["dataset"],
  isPlot: false,
  draw: async () => {
    const data = throughputData(await page.blocks.provenance())
    showSection("throughput", data.rows.length > 0)
    if (data.rows.length === 0) return
    const host = contentOf("throughput")
    fill(host, plainTable(data))
    host.append(
      saveButtons(
        "the table of speeds",
        tableKinds(() => data),
      ),
    )
  },
})
