import type { CurriculumPhase } from "../../schemas/index.ts"

/** A phase, the step it begins with, and the one that it ends before. */
export interface CurrentPhase {
  readonly phase: CurriculumPhase
  readonly start: number
  readonly end: number
}

/** The phase that a step (from 0) of so many belongs to. Phases end where their `until` says; the last takes what is left. */
export const phaseAt = (
  phases: readonly [CurriculumPhase, ...CurriculumPhase[]],
  step: number,
  steps: number,
): CurrentPhase => {
  const ends = phases.map(({ until }) => Math.round(until * steps))
  const found = ends.findIndex((end) => step < end)
  const at = found < 0 ? phases.length - 1 : found
  const end = at === phases.length - 1 ? steps : (ends[at] ?? steps)
  return { phase: phases[at] ?? phases[0], start: ends[at - 1] ?? 0, end }
}

/** What is wrong with the order of phases, in words; undefined where nothing is. */
export const curriculumProblem = (
  phases: readonly [CurriculumPhase, ...CurriculumPhase[]],
  steps: number,
): string | undefined => {
  let before = 0
  for (const { name, sources, until } of phases) {
    const end = Math.round(until * steps)
    if (end <= before) return `phase «${name}» ends at step ${end}, and the one before it at ${before}`
    before = end
    if (sources.every(({ share }) => share === 0)) return `phase «${name}» has no source with a share above 0`
    const empty = sources.find(({ from, to }) => to !== undefined && to < from)
    if (empty !== undefined) return `phase «${name}» takes ranks ${empty.from} to ${empty.to}, which are none`
  }
  return before < steps ? `the last phase ends at step ${before} of ${steps}; give it until: 1` : undefined
}
