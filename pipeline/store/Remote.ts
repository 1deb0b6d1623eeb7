import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { FileRecord } from "./FolderContent.ts"
import type { OutputRecord } from "./Manifest.ts"
import type { StoreError } from "./StoreError.ts"

/** A store behind the local folder cannot be used, or has not what it should have. Names no credentials. */
export class RemoteError extends Schema.TaggedError<RemoteError>()("RemoteError", {
  reason: Schema.Literal("Settings", "Insecure", "Refused", "NoBucket", "Unreachable", "Missing", "WrongBytes"),
  /** As it is told to people: `s3://bucket/prefix`. */
  address: Schema.String,
  /** What was being done: `reading manifests/index/3f…`. */
  during: Schema.String,
  detail: Schema.String,
}) {
  override get message(): string {
    const advice = {
      Settings: "",
      Insecure:
        " Name it by https, or say --insecure where the network between is your own: passages, runs and models would be readable on it.",
      Refused:
        " Whoever shares results needs s3:GetObject, s3:PutObject, s3:AbortMultipartUpload and s3:ListBucket (without which an absent object is answered with 403).",
      NoBucket: " Make the bucket, or name another one.",
      Unreachable:
        " What is in the local folder is as it was; --artifacts with that folder goes on without the remote.",
      Missing: " It is made again.",
      WrongBytes: " Nothing of it is used, and it is made again.",
    }[this.reason]
    return `${this.address} failed while ${this.during}: ${this.detail.replace(/\.$/, "")}.${advice}`
  }
}

/**
 * Where results lie that are not in the local folder: a place with names and bytes, which is not trusted. Whoever reads compares
 * every byte with its hash, and no answer to a condition is believed.
 */
export interface Remote {
  /** As it is told to people, without user, password or query. */
  readonly address: string
  /** The text of a record, by its path in a store (`manifests/<stage>/<key>.json`), whatever it is. */
  readonly readRecord: (path: string) => Effect.Effect<string | undefined, RemoteError | StoreError>
  /** Writes a record. `ifAbsent` asks that there be none, which some servers pay no heed to: read it back. */
  readonly putRecord: (path: string, text: string, ifAbsent: boolean) => Effect.Effect<void, RemoteError | StoreError>
  /** Copies files of an object into a folder that is there. What came is not compared with anything. */
  readonly pull: (
    hash: string,
    files: ReadonlyArray<FileRecord>,
    folder: string,
    onBytes: (bytes: number) => void,
  ) => Effect.Effect<void, RemoteError | StoreError>
  /** Puts an object there; what is there with the same size is kept, unless `anew`. */
  readonly push: (
    record: OutputRecord,
    folder: string,
    anew: boolean,
    onBytes: (bytes: number) => void,
  ) => Effect.Effect<void, RemoteError | StoreError>
}
