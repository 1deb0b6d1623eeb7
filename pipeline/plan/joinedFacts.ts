import type { Facts } from "./Stage.ts"

/**
 * What the parts of a result said, as said of the whole: counts added, and of the rest what all of them say.
 *
 * @param counts names of what is added
 */
export const joinedFacts = (facts: ReadonlyArray<Facts>, counts: ReadonlyArray<string>): Facts => {
  const [first = {}] = facts
  return Object.fromEntries(
    Object.entries(first).flatMap(([name, value]) => {
      if (counts.includes(name)) {
        return [
          [name, facts.reduce((sum, { [name]: part }) => sum + (typeof part === "number" ? part : 0), 0)] as const,
        ]
      }
      return facts.every(({ [name]: part }) => part === value) ? [[name, value] as const] : []
    }),
  )
}
