/** Not more weightings than this are tried. */
const MOST = 300
/** Parts that 1 is divided into, finest first. */
const DIVISIONS = [20, 10, 5, 4, 3, 2, 1] as const

/** How many ways there are to share out `parts` among `systems`. */
const ways = (parts: number, systems: number): number => {
  let count = 1
  for (let i = 1; i < systems; i++) count = (count * (parts + i)) / i
  return Math.round(count)
}

const shares = (parts: number, systems: number): ReadonlyArray<ReadonlyArray<number>> =>
  systems === 1
    ? [[parts]]
    : Array.from({ length: parts + 1 }, (_, first) =>
        shares(parts - first, systems - 1).map((rest) => [first, ...rest]),
      ).flat()

/**
 * Weights that sum to 1, in steps of a twentieth for two or three systems and in coarser ones for more. The most even come
 * first, so that of equally good weightings the more even one is taken.
 */
export const weightGrid = (systems: number): ReadonlyArray<ReadonlyArray<number>> => {
  const parts = DIVISIONS.find((division) => ways(division, systems) <= MOST) ?? 1
  const unevenness = (weights: ReadonlyArray<number>): number => weights.reduce((sum, weight) => sum + weight ** 2, 0)
  return [...shares(parts, systems)]
    .sort((a, b) => unevenness(a) - unevenness(b))
    .map((weights) => weights.map((weight) => weight / parts))
}
