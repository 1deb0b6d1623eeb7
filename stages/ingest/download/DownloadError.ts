import * as Data from "effect/Data"

/** A public file that could not be had. */
export class DownloadFailed extends Data.TaggedError("DownloadFailed")<{
  readonly address: string
  readonly reason: "status" | "connection" | "stalled" | "checksum" | "space" | "archive" | "disk"
  readonly detail: string
  readonly fix: string
}> {
  override get message(): string {
    return `${this.address}: ${this.detail}. ${this.fix}`
  }
}
