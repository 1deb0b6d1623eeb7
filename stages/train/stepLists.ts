import type { TokenSequence, TokenTable, TrainingStep } from "../../neural/index.ts"
import { type CurriculumPhase, compareBytes, type ListSettings } from "../../schemas/index.ts"
import type { DataOrder } from "./DataOrder.ts"
import { type InputOf, nothing } from "./Inputs.ts"
import { type MinedRanks, sampleList } from "./sampleList.ts"
import type { TrainingData } from "./TrainingData.ts"

/** The lists of a step, and the queries they are of. */
export interface StepLists {
  readonly queries: ReadonlyArray<number>
  readonly step: Omit<TrainingStep, "learningRates">
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
  inputOf: InputOf,
  passages: TokenTable,
  mined: MinedRanks | undefined,
): StepLists => {
  const { filter, perStep: lists, positives, relevant, size: m } = settings
  const queries: Array<number> = []
  const texts: Array<TokenSequence> = []
  const grades = new Float32Array(lists * m)
  const mask = new Uint8Array(lists * m)
  const teacher = new Float32Array(lists * m)
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
      texts.push(inputOf(data.queryTexts[query]!, list.passages[place]!))
      grades[at] = list.grades[place]!
      mask[at] = 1
      teacher[at] = list.teacher[place]!
    }
  }
  const base = { step, lists, m, texts, grades, mask }
  return { queries, step: data.teacher === undefined ? base : { ...base, teacher } }
}
