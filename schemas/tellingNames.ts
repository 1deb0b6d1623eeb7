/**
 * Short names for things that have a path: the last part of it, and of those that share it as many parts above as tell them apart.
 * What has the same path has the same name.
 *
 * @param paths each by its parts, the last one last.
 * @returns a name for each, its parts joined by `-`.
 */
export const tellingNames = (paths: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const wholes = paths.map((parts) => parts.join("/"))
  const depths = paths.map(() => 1)
  const names = (): ReadonlyArray<string> => paths.map((parts, at) => parts.slice(-depths[at]!).join("-"))
  for (;;) {
    const now = names()
    const unclear = paths.flatMap((parts, at) => {
      const shares = now.some((name, other) => name === now[at] && wholes[other] !== wholes[at])
      return shares && depths[at]! < parts.length ? [at] : []
    })
    if (unclear.length === 0) return now
    for (const at of unclear) depths[at]!++
  }
}
