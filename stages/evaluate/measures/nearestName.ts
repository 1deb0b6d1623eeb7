/** Number of insertions, deletions, substitutions and exchanges of neighbours that turn `a` into `b`. */
const editDistance = (a: string, b: string): number => {
  let beforeLast: Array<number> = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let best = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, beforeLast[j - 2]! + 1)
      row.push(best)
    }
    beforeLast = last
    last = row
  }
  return last[b.length]!
}

/** The known name that is spelt most like `text`, upper and lower case being the same; the first of equals. */
export const nearestName = (text: string, known: ReadonlyArray<string>): string => {
  const folded = text.toLowerCase()
  let best = ""
  let least = Number.POSITIVE_INFINITY
  for (const name of known) {
    const distance = editDistance(folded, name.toLowerCase())
    if (distance < least) {
      least = distance
      best = name
    }
  }
  return best
}
