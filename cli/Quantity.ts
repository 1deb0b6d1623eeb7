/** `950 ms`, `1.23 s`, `2 m 05 s`, `1 h 02 m`. */
export const formatSeconds = (seconds: number): string => {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`
  const whole = Math.round(seconds)
  const two = (value: number): string => String(value).padStart(2, "0")
  return whole < 3600
    ? `${Math.floor(whole / 60)} m ${two(whole % 60)} s`
    : `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} m`
}

/** `8,841,823`. */
export const formatCount = (count: number): string => Math.round(count).toLocaleString("en-US")

/** `12.3 MB`, in powers of ten. */
export const formatBytes = (bytes: number): string => {
  const units = ["B", "kB", "MB", "GB", "TB"]
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]!}`
}
