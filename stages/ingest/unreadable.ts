import { causeText } from "../../schemas/index.ts"
import { UnreadableFile } from "./IngestError.ts"

const codeOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "code" in error && typeof error.code === "string" ? error.code : ""

/** The tagged form of what the file system or zlib says about a file. */
export const unreadable = (file: string, error: unknown): UnreadableFile => {
  const make = (reason: UnreadableFile["reason"], detail: string, fix: string) =>
    new UnreadableFile({ file, reason, detail, fix })
  switch (codeOf(error)) {
    case "ENOENT":
      return make("missing", "no such file or folder", "Check the path; a link may point to something that is gone.")
    case "EACCES":
    case "EPERM":
      return make("denied", "reading it is not permitted", "Give yourself the right to read it.")
    case "EISDIR":
      return make("a folder", "a folder stands where a file is due", "Name the file, or remove the folder.")
    case "ENOTDIR":
      return make("not a folder", "a file stands where a folder is due", "Name the folder that holds the collection.")
    case "ELOOP":
      return make("missing", "its links lead in a circle", "Mend the links.")
    case "Z_BUF_ERROR":
      return make("truncated", "the gzip data ends before its end mark", "The file was cut short: fetch it again.")
    case "truncated":
      return make("truncated", causeText(error), "The file was cut short: fetch it again.")
    case "corrupt":
      return make("corrupt", causeText(error), "Fetch the file again.")
    case "window":
      return make("failed", causeText(error), "Pack it again, without a dictionary or --long, or as gzip.")
    case "Z_DATA_ERROR":
      return make("corrupt", "the gzip data is damaged", "Fetch the file again.")
    default:
      return make("failed", causeText(error), "Check the disk and the file.")
  }
}
