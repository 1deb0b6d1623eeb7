/** Edits (insert, delete, replace, swap of neighbours) that turn one string into the other: Damerau–Levenshtein, restricted. */
const editDistance = (from: string, to: string): number => {
  let beforeLast: Array<number> = []
  let last = Array.from({ length: to.length + 1 }, (_, j) => j)
  for (let i = 1; i <= from.length; i++) {
    const current = [i]
    for (let j = 1; j <= to.length; j++) {
      const replaced = last[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1)
      let least = Math.min(replaced, last[j]! + 1, current[j - 1]! + 1)
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) {
        least = Math.min(least, beforeLast[j - 2]! + 1)
      }
      current.push(least)
    }
    beforeLast = last
    last = current
  }
  return last[to.length]!
}

/**
 * The known name that a mistyped one most likely stands for, or `undefined` where none is near: within a third of its length
 * in edits, or sharing its beginning. Case is ignored; ties go to the name that comes first.
 */
export const nearestName = (name: string, known: Iterable<string>): string | undefined => {
  const wanted = name.toLowerCase()
  let best: string | undefined
  let bestDistance = Math.max(2, Math.floor(wanted.length / 3)) + 1
  for (const candidate of known) {
    const lower = candidate.toLowerCase()
    const distance =
      wanted.length >= 3 && (lower.startsWith(wanted) || lower.endsWith(`.${wanted}`) || lower.endsWith(`/${wanted}`))
        ? 1
        : editDistance(wanted, lower)
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** ` Did you mean «x»?`, or nothing. */
export const didYouMean = (name: string, known: Iterable<string>): string => {
  const nearest = nearestName(name, known)
  return nearest === undefined ? "" : ` Did you mean «${nearest}»?`
}
