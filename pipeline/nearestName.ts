/** Edits (insert, delete, replace, swap neighbours) from one string to another. */
const editDistance = (a: string, b: string): number => {
  const rows: Array<Array<number>> = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      let best = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + same)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, rows[i - 2]![j - 2]! + 1)
      row.push(best)
    }
    rows.push(row)
  }
  return rows[a.length]![b.length]!
}

/** The name that was most likely meant: the one with the fewest edits, if they are few for its length. */
export const nearestName = (name: string, names: Iterable<string>): string | undefined => {
  let best: { readonly name: string; readonly edits: number } | undefined
  for (const candidate of names) {
    const edits = editDistance(name.toLowerCase(), candidate.toLowerCase())
    const few = edits <= Math.max(2, Math.floor(Math.max(name.length, candidate.length) / 3))
    if (few && (best === undefined || edits < best.edits)) best = { name: candidate, edits }
  }
  if (best !== undefined) return best.name
  // A beginning is a good guess too: `retr` for `retrieve`.
  return [...names].find((candidate) => name.length >= 3 && candidate.startsWith(name))
}
