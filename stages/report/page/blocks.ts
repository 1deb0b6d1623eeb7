import {
  type ComparisonRow,
  comparisonsBlock,
  detailQueries,
  detailsBlock,
  type ProfileCurve,
  type ProvenanceModel,
  profileBlock,
  provenanceBlock,
  type QueryDetails,
  type QueryList,
  queriesBlock,
  type ReportModel,
  type ShownPassage,
  type TrainingLogs,
  trainingBlock,
  valuesBlock,
} from "./ReportModel.ts"

/** What the stage writes under each kind of id; both sides take the types from `ReportModel.ts`. */
export interface Blocks {
  readonly queries: (dataset: number, split: number) => Promise<QueryList>
  /** [systems × queries] */
  readonly values: (dataset: number, split: number, measure: number) => Promise<Float32Array>
  readonly passages: (dataset: number, split: number, query: number) => Promise<ReadonlyArray<ShownPassage>>
  readonly profile: (dataset: number) => Promise<ReadonlyArray<ProfileCurve>>
  readonly comparisons: (dataset: number) => Promise<ReadonlyArray<ComparisonRow>>
  readonly training: (dataset: number) => Promise<TrainingLogs>
  readonly provenance: () => Promise<ProvenanceModel>
}

const parsed: Promise<void> = new Promise((resolve) => {
  if (document.readyState !== "loading") resolve()
  else document.addEventListener("DOMContentLoaded", () => resolve())
})

/** The text of a block, which may lie in a part of the file that is still being read. */
const textOf = async (id: string): Promise<string> => {
  let element = document.getElementById(id)
  if (element === null) {
    await parsed
    element = document.getElementById(id)
  }
  if (element === null) throw new Error(`the page has no block ${id}; the file is not whole`)
  return element.textContent ?? ""
}

const unpacked = async (id: string): Promise<ArrayBuffer> => {
  const letters = atob(await textOf(id))
  const bytes = new Uint8Array(letters.length)
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i)
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"))
  return new Response(stream).arrayBuffer()
}

// The stage wrote the JSON from values of these very types, and its bytes lie in the same file as this code.
function read<A>(id: string): Promise<A>
async function read(id: string): Promise<unknown> {
  const value: unknown = JSON.parse(new TextDecoder().decode(await unpacked(id)))
  return value
}

/** The model, which stands in the page as plain JSON. */
export function readModel(): ReportModel
export function readModel(): unknown {
  const value: unknown = JSON.parse(document.getElementById("model")?.textContent ?? "")
  return value
}

/** Parts with passages that are kept unpacked: the last that were read. */
const keptParts = 24

/** What was unpacked, by block; beyond the limit what was not asked for the longest is dropped. */
const cache = <A>(make: (id: string) => Promise<A>, limit = Number.POSITIVE_INFINITY) => {
  const kept = new Map<string, Promise<A>>()
  return (id: string): Promise<A> => {
    const found = kept.get(id) ?? make(id)
    kept.delete(id)
    kept.set(id, found)
    for (const oldest of kept.keys()) {
      if (kept.size <= limit) break
      kept.delete(oldest)
    }
    return found
  }
}

/** Reads blocks, each once. */
export const makeBlocks = (): Blocks => {
  const lists = cache<QueryList>(read)
  const matrices = cache(async (id) => new Float32Array(await unpacked(id)))
  const parts = cache<QueryDetails>(read, keptParts)
  const profiles = cache<ReadonlyArray<ProfileCurve>>(read)
  const comparisons = cache<ReadonlyArray<ComparisonRow>>(read)
  const logs = cache<TrainingLogs>(read)
  const records = cache<ProvenanceModel>(read)
  return {
    queries: (dataset, split) => lists(queriesBlock(dataset, split)),
    values: (dataset, split, measure) => matrices(valuesBlock(dataset, split, measure)),
    passages: async (dataset, split, query) => {
      const part = await parts(detailsBlock(dataset, split, Math.floor(query / detailQueries)))
      return part[query % detailQueries] ?? []
    },
    profile: (dataset) => profiles(profileBlock(dataset)),
    comparisons: (dataset) => comparisons(comparisonsBlock(dataset)),
    training: (dataset) => logs(trainingBlock(dataset)),
    provenance: () => records(provenanceBlock),
  }
}
