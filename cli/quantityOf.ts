import * as Effect from "effect/Effect"
import { UsageError } from "./Arguments.ts"

const unitsOf = {
  time: { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 },
  size: { b: 1, kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12 },
} as const
const examples = { time: "30d", size: "20GB" } as const

/** A number and a unit that follow an option, in seconds (`30d`) or bytes (`20GB`). */
export const quantityOf = (
  option: string,
  text: string,
  of: keyof typeof unitsOf,
): Effect.Effect<number, UsageError> => {
  const units = new Map<string, number>(Object.entries(unitsOf[of]))
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([a-z]+)$/i.exec(text) ?? []
  const scale = units.get((unit ?? "").toLowerCase())
  if (number !== undefined && scale !== undefined) return Effect.succeed(Number(number) * scale)
  return new UsageError({
    argument: text,
    problem: `${option} ${text}: expected a number and one of ${[...units.keys()].join(", ")}, as in ${examples[of]}.`,
  })
}
