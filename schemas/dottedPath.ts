import { isRecord } from "./isRecord.ts"

/** The value at a dotted path, through records by name and lists by number; undefined where there is none. */
export const valueAt = (value: unknown, path: string): unknown =>
  path.split(".").reduce<unknown>((above, step) => {
    if (Array.isArray(above)) return above[Number(step)]
    return isRecord(above) ? above[step] : undefined
  }, value)

/** A record with a value at a dotted path; what stands in the way and is no record is replaced by one. */
export const withValueAt = (
  record: Readonly<Record<string, unknown>>,
  path: string,
  value: unknown,
): Readonly<Record<string, unknown>> => {
  const [step = "", ...below] = path.split(".")
  const above = record[step]
  return {
    ...record,
    [step]: below.length === 0 ? value : withValueAt(isRecord(above) ? above : {}, below.join("."), value),
  }
}
