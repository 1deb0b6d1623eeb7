/** A file's name without the ending of what it is packed with. What it holds is told by its bytes. */
export const unpackedName = (file: string): string => file.replace(/\.(?:gz|zst|Z|[0-2]z)$/, "")
