const minus = "\u2212"
const grouped = new Intl.NumberFormat("en-US")

/** A whole number with its thousands apart: `6,980`. */
export const countText = (count: number): string => grouped.format(count)

export const queriesText = (count: number): string => `${countText(count)} ${count === 1 ? "query" : "queries"}`

/** A value of a measure. Those that count things (`NumRet`) are whole numbers. */
export const valueText = (measure: string, value: number | undefined): string =>
  value === undefined || Number.isNaN(value) ? "–" : /^Num/.test(measure) ? countText(value) : value.toFixed(4)

/** A difference, with its sign: `+0.0312`. */
export const changeText = (change: number, digits = 4): string => {
  const text = Math.abs(change).toFixed(digits)
  return Number(text) === 0 ? `±${text}` : `${change > 0 ? "+" : minus}${text}`
}

/** A share of one, as percents. */
export const percentText = (share: number, digits = 1): string => `${(100 * share).toFixed(digits)} %`

/** A time span: `0.34 s`, `12 s`, `3 min 12 s`, `2 h 03 min`. */
export const secondsText = (seconds: number): string => {
  if (seconds < 10) return `${seconds.toFixed(2)} s`
  if (seconds < 60) return `${Math.round(seconds)} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`
}

/** A size in bytes: `4.2 MB`. */
export const bytesText = (bytes: number): string => {
  if (bytes < 1000) return `${bytes} B`
  const [unit, size] =
    bytes < 1e6 ? (["kB", 1e3] as const) : bytes < 1e9 ? (["MB", 1e6] as const) : (["GB", 1e9] as const)
  return `${(bytes / size).toFixed(1)} ${unit}`
}

/** A probability: `0.0312`, `< 0.0001`. */
export const pText = (p: number): string => (p < 0.0001 ? "< 0.0001" : p.toFixed(4))

/** A cost, to two digits: `0.45`, `4.5`, `450`, `12,000`. */
export const costText = (cost: number): string =>
  cost >= 1000 ? countText(Number(cost.toPrecision(2))) : String(Number(cost.toPrecision(2)))
