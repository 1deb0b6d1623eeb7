import type { MadeBy, ProvenanceModel } from "./ReportModel.ts"

/** A stage's part of what a query costs. */
export interface CostPart {
  readonly node: string
  readonly milliseconds: number
}

/** What a system's results took, as the stages that made them were timed. */
export interface SystemCost {
  readonly system: string
  /** A query, all stages together; none where one of them is not on record. */
  readonly milliseconds: number | undefined
  readonly parts: ReadonlyArray<CostPart>
  /** Pairs a second, where a model scored any. */
  readonly pairsPerSecond: number | undefined
  /** What scored them. */
  readonly device: string
}

const numberOf = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined)
const textOf = (value: unknown): string => (typeof value === "string" ? value : "")

/** Stages that rank; what others do (indexing, training, joining judgements) is not done for a query. */
const ranks = ({ stage }: MadeBy): boolean => /^(?:retrieve|rerank|interpolate|fuse|passages\.fold)/.test(stage)

/** Inputs through which a ranking came from another. */
const rankings = ["run", "runs", "candidates", "base"]

/** What the reranker of a record scored, and how fast; a run that was killed had part of its pairs before. */
export const speedOf = ({
  facts,
  seconds,
}: MadeBy): { readonly pairs: number; readonly speed: number | undefined } | undefined => {
  const pairs = numberOf(facts["pairs"])
  if (pairs === undefined) return undefined
  const scored = pairs * (1 - (numberOf(facts["shareBefore"]) ?? 0))
  return { pairs, speed: seconds > 0 && scored > 0 ? scored / seconds : undefined }
}

/** The records that a ranking came from, itself first, each once; nothing where one is not on record. */
const chainOf = (records: ReadonlyMap<string, MadeBy>, last: MadeBy): ReadonlyArray<MadeBy> | undefined => {
  const chain = [last]
  for (const record of chain) {
    for (const [port, inputs] of Object.entries(record.inputs)) {
      if (!rankings.includes(port)) continue
      for (const { node } of inputs) {
        const above = records.get(node)
        if (above === undefined) return undefined
        if (!chain.includes(above)) chain.push(above)
      }
    }
  }
  return chain
}

const queriesOf = (chain: ReadonlyArray<MadeBy>): number =>
  Math.max(0, ...chain.flatMap(({ facts }) => numberOf(facts["queries"]) ?? []))

/** Seconds of a record for all of its queries; of a run that was taken up again, as if it had done all itself. */
const wholeSeconds = (record: MadeBy): number => {
  const speed = speedOf(record)
  return speed?.speed === undefined ? record.seconds : speed.pairs / speed.speed
}

/**
 * What each system's results took: of every stage that ranked for it its time over the queries that it ranked for, texts and
 * models loaded and results written among them. What other stages did at the same time slowed it.
 *
 * @param dataset position of the collection.
 */
export const costsOf = ({ entries, records }: ProvenanceModel, dataset: number, systems: ReadonlyArray<string>) =>
  systems.map((system): SystemCost => {
    const hash = entries[dataset]?.find(({ name }) => name === system)?.hash
    const maker = records.find(
      ({ outputs, stage }) => stage !== "report" && Object.values(outputs).some((each) => each.hash === hash),
    )
    const unknown = { system, milliseconds: undefined, parts: [], pairsPerSecond: undefined, device: "" }
    if (maker === undefined || !ranks(maker)) return unknown
    const chain = chainOf(new Map(records.map((record) => [record.node, record])), maker)
    if (chain === undefined) return unknown
    const queries = queriesOf(chain)
    const ranking = chain.filter(ranks)
    const first = ranking.some(({ stage }) => stage.startsWith("retrieve"))
    const reranker = ranking.find((record) => speedOf(record) !== undefined)
    const parts = ranking.map((record) => ({
      node: record.node,
      milliseconds: (1000 * wholeSeconds(record)) / (numberOf(record.facts["queries"]) ?? queries),
    }))
    return {
      system,
      // A ranking that came from outside took what nobody measured.
      milliseconds: queries > 0 && first ? parts.reduce((sum, { milliseconds }) => sum + milliseconds, 0) : undefined,
      parts,
      pairsPerSecond: reranker === undefined ? undefined : speedOf(reranker)?.speed,
      device: reranker === undefined ? "" : textOf(reranker.facts["deviceName"]) || textOf(reranker.facts["device"]),
    }
  })
