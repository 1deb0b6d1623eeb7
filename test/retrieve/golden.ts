import { readFileSync } from "node:fs"
import { gunzipSync } from "node:zlib"

const folder = new URL("../reference/lucene/", import.meta.url)

/** Lines of a golden file made by Lucene (test/reference/lucene/README.md). */
export const goldenLines = (name: string): Array<string> => {
  const lines = gunzipSync(readFileSync(new URL(name, folder)))
    .toString("utf8")
    .split("\n")
  lines.pop()
  return lines
}

/** Undoes the escapes of the golden files. */
export const unescapeText = (line: string): string =>
  line.replace(/\\(.)/g, (_, letter) => (letter === "n" ? "\n" : letter === "r" ? "\r" : "\\"))
