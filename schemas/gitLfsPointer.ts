/** What is wrong with a file that is none, for an error of one's own. */
export interface Pointer {
  /** What is there: a clause, without a full stop. */
  readonly problem: string
  /** What to do: a sentence. */
  readonly remedy: string
}

/** Bytes that a pointer has at most (Git LFS's specification, version 1). */
export const longestPointer = 1023

const form =
  /^version https:\/\/(?:git-lfs|hawser)\.github\.com\/spec\/v\d+\r?\n(?=(?:[\w.-]+ .*\r?\n)*oid \w+:\w+\r?\n)/

/**
 * Whether a file's beginning is a pointer of Git LFS: the few lines that a clone without LFS has in the place of every
 * large file, under the file's own name.
 *
 * @param start the file's bytes or text; of a longer file than `longestPointer`, any more than that of them
 */
export const gitLfsPointer = (start: Uint8Array | string): Pointer | undefined => {
  if (start.length > longestPointer) return undefined
  const text = typeof start === "string" ? start : new TextDecoder("latin1").decode(start)
  if (!form.test(text)) return undefined
  const size = /^size (\d+)\r?$/m.exec(text)?.[1]
  const what = size === undefined ? "the file" : `the file of ${size} bytes`
  return {
    problem: `this is a pointer of Git LFS, and not ${what} that it stands for`,
    remedy: "Run git lfs pull where it was cloned, or fetch the file itself.",
  }
}
