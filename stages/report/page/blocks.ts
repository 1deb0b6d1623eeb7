import {
  detailQueries,
  detailsBlock,
  type ProvenanceModel,
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

/** Reads blocks, each once. */
export const makeBlocks = (): Blocks => {
  const once = <A>(id: string, make: () => Promise<A>, known: Map<string, Promise<A>>, limit: number): Promise<A> => {
    const found = known.get(id) ?? make()
    // Put back at the end, so that the first is the one that was not asked for the longest.
    known.delete(id)
    known.set(id, found)
    for (const oldest of known.keys()) {
      if (known.size <= limit) break
      known.delete(oldest)
    }
    return found
  }
  const lists = new Map<string, Promise<QueryList>>()
  const matrices = new Map<string, Promise<Float32Array>>()
  const parts = new Map<string, Promise<QueryDetails>>()
  const logs = new Map<string, Promise<TrainingLogs>>()
  const records = new Map<string, Promise<ProvenanceModel>>()
  return {
    queries: (dataset, split) => {
      const id = queriesBlock(dataset, split)
      return once(id, () => read<QueryList>(id), lists, Number.POSITIVE_INFINITY)
    },
    values: (dataset, split, measure) => {
      const id = valuesBlock(dataset, split, measure)
      return once(id, async () => new Float32Array(await unpacked(id)), matrices, Number.POSITIVE_INFINITY)
    },
    passages: async (dataset, split, query) => {
      const id = detailsBlock(dataset, split, Math.floor(query / detailQueries))
      const part = await once(id, () => read<QueryDetails>(id), parts, keptParts)
      return part[query % detailQueries] ?? []
    },
    training: (dataset) => {
      const id = trainingBlock(dataset)
      return once(id, () => read<TrainingLogs>(id), logs, Number.POSITIVE_INFINITY)
    },
    provenance: () => once(provenanceBlock, () => read<ProvenanceModel>(provenanceBlock), records, 1),
  }
}
