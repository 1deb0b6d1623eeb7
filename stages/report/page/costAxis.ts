/** Steps within a power of ten, from the fewest on. */
const steps = [[1], [1, 3], [1, 2, 5], [1, 2, 3, 5, 7], [1, 2, 3, 4, 5, 6, 7, 8, 9]] as const
const fewestTicks = 3

/** Values for a logarithmic axis: at the powers of ten where there are enough, else at as many steps between them as it takes. */
export const logTicks = (least: number, greatest: number): ReadonlyArray<number> => {
  const [from, to] = [Math.floor(Math.log10(least)), Math.floor(Math.log10(greatest))]
  const powers = Array.from({ length: to - from + 1 }, (_, i) => from + i)
  const ticks = (of: ReadonlyArray<number>) =>
    // 10 ** −3 is not the number that prints as 0.001.
    powers
      .flatMap((power) => of.map((step) => Number(`${step}e${power}`)))
      .filter((at) => at >= least && at <= greatest)
  return ticks(steps.find((of) => ticks(of).length >= fewestTicks) ?? steps[4])
}

/** Systems that no other is both better and cheaper than, from the cheapest on. */
export const efficient = <P extends { readonly value: number; readonly cost: number }>(
  points: ReadonlyArray<P>,
  isMoreBetter: boolean,
): ReadonlyArray<P> => {
  const order = [...points].sort((a, b) => (isMoreBetter ? b.cost - a.cost : a.cost - b.cost) || b.value - a.value)
  let best = Number.NEGATIVE_INFINITY
  return order.filter(({ value }) => {
    if (value <= best) return false
    best = value
    return true
  })
}
