import type { TokenSequence, TokenTable, TrainingStep } from "../../neural/index.ts"
import { type CurriculumPhase, compareBytes, type ListSettings } from "../../schemas/index.ts"
import type { DataOrder } from "./DataOrder.ts"
import { nothing, type TextInputs } from "./Inputs.ts"
import { type MinedRanks, sampleList } from "./sampleList.ts"
import type { TrainingData } from "./TrainingData.ts"

/** The lists of a step, and the queries they are of. */
export interface StepLists {
  readonly queries: ReadonlyArray<number>
  readonly step: Omit<TrainingStep, "learningRates">
}

/**
 * Of each list which of a step's passages are no answer to its query, [lists × places]: those that are not relevant to it nor its own,
 * each once, where it stands in the list itself if it does.
 *
 * @param placed the passage at each place, −1 where there is none
 */
export const otherPassages = (data: TrainingData, queries: ReadonlyArray<number>, placed: Int32Array): Uint8Array => {
  const m = placed.length / queries.length
  const others = new Uint8Array(queries.length * placed.length)
  queries.forEach((query, l) => {
    const seen = new Set([data.own[query]!])
    for (let c = data.starts[query]!; c < data.starts[query + 1]!; c++) {
      if (data.grades[c]! > 0) seen.add(data.passages[c]!)
    }
    const take = (place: number): void => {
      const passage = placed[place]!
      if (passage < 0 || seen.has(passage)) return
      seen.add(passage)
      others[l * placed.length + place] = 1
    }
    for (let i = 0; i < m; i++) take(l * m + i)
    for (let place = 0; place < placed.length; place++) take(place)
  })
  return others
}

/**
 * The lists of a step (from 0): a function of the data, the order, the settings and, in phases that mine, of the ranks. Items of
 * a list stand in the order of their docids' bytes, so that the loss breaks ties as the evaluation does.
 */
export const stepLists = (
  data: TrainingData,
  order: DataOrder,
  settings: Pick<ListSettings, "size" | "perStep" | "relevant" | "positives" | "filter">,
  phase: CurriculumPhase,
  step: number,
  inputs: TextInputs,
  passages: TokenTable,
  mined: MinedRanks | undefined,
): StepLists => {
  const { filter, perStep: lists, positives, relevant, size: m } = settings
  const queries: Array<number> = []
  const texts: Array<TokenSequence> = []
  const grades = new Float32Array(lists * m)
  const mask = new Uint8Array(lists * m)
  const teacher = new Float32Array(lists * m)
  const placed = new Int32Array(lists * m).fill(-1)
  for (let l = 0; l < lists; l++) {
    const { query, random } = order.at(step * lists + l)
    const list = sampleList(
      data,
      query,
      { size: m, relevant, positives, sources: phase.sources, filter },
      random,
      mined,
    )
    const places = Array.from(list.passages, (_, i) => i).sort((a, b) =>
      compareBytes(passages.nameOf(list.passages[a]!), passages.nameOf(list.passages[b]!)),
    )
    queries.push(query)
    for (let i = 0; i < m; i++) {
      const place = places[i]
      if (place === undefined) {
        texts.push(nothing)
        continue
      }
      const at = l * m + i
      const passage = list.passages[place]!
      texts.push(inputs.kind === "together" ? inputs.of(data.queryTexts[query]!, passage) : inputs.passage(passage))
      placed[at] = passage
      grades[at] = list.grades[place]!
      mask[at] = 1
      teacher[at] = list.teacher[place]!
    }
  }
  const apart =
    inputs.kind === "together"
      ? {}
      : {
          queries: queries.map((query) => inputs.query(data.queryTexts[query]!)),
          others: otherPassages(data, queries, placed),
        }
  const base = { step, lists, m, texts, grades, mask, ...apart }
  return { queries, step: data.teacher === undefined ? base : { ...base, teacher } }
}
