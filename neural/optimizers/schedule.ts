import type { OptimizerSettings, ScheduleSettings } from "../../schemas/index.ts"

/**
 * The learning rate at a step (from 0) of so many, as a share of its height: (step + 1) / warmup while it rises, so that no
 * step is without effect, and `end` when the last step is done.
 */
export const scheduleShare = (schedule: ScheduleSettings, step: number, steps: number): number => {
  const { end, kind, warmup } = schedule
  if (step < warmup) return (step + 1) / warmup
  const after = steps - warmup
  const done = after <= 0 ? 1 : Math.min(1, (step - warmup) / after)
  switch (kind) {
    case "constant":
      return 1
    case "linear":
      return 1 + (end - 1) * done
    case "cosine":
      return end + (1 - end) * 0.5 * (1 + Math.cos(Math.PI * done))
  }
}

/** The learning rate of each group at a step (from 0) of so many, in the groups' order; 0 for frozen ones. */
export const learningRates = (settings: OptimizerSettings, step: number, steps: number): readonly number[] =>
  settings.groups.map(({ frozen, scale, schedule = settings.schedule }) =>
    frozen ? 0 : settings.learningRate * scale * scheduleShare(schedule, step, steps),
  )
