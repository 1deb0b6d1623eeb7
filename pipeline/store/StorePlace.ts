import { resolve } from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ArtifactStore, openFolder } from "./ArtifactStore.ts"
import type { Environment } from "./AwsSettings.ts"
import { folderRemote } from "./FolderRemote.ts"
import { RemoteError } from "./Remote.ts"
import type { S3Place } from "./S3Connection.ts"
import { s3Remote } from "./S3Remote.ts"
import { sharedResults } from "./SharedResults.ts"
import type { StoreError } from "./StoreError.ts"

/** Where a store is: a folder, or a folder with a remote behind it. */
export interface StorePlace {
  /** The local folder. */
  readonly directory: string
  readonly remote?: {
    /** `s3://bucket/prefix`, or another folder. */
    readonly address: string
    /** The process's variables: where S3 is, and who asks. */
    readonly environment: Environment
    /** Whether a server beyond this machine may be asked without TLS. Default no. */
    readonly insecure?: boolean
  }
}

/** Whether a place is one of S3's. */
export const isS3 = (address: string): boolean => /^s3:/i.test(address)

/** The bucket and the prefix of an address. */
const s3Place = ({
  address,
  environment,
  insecure = false,
}: NonNullable<StorePlace["remote"]>): Effect.Effect<S3Place, RemoteError> => {
  const refused = (detail: string) =>
    new RemoteError({ reason: "Settings", address: "s3://…", during: "reading its address", detail })
  const [, host = "", path = ""] = /^s3:\/\/([^/]*)\/?(.*)$/i.exec(address) ?? []
  if (host.includes("@") || host.includes(":")) {
    return refused(
      "a user, a password or a port stands before the bucket. Credentials belong into the environment or ~/.aws, a server's address into AWS_ENDPOINT_URL",
    )
  }
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$/.test(host)) return refused("it is not s3://bucket or s3://bucket/prefix")
  if (/[?#\\]/.test(path) || path.split("/").some((part) => part === "." || part === "..")) {
    return refused("the prefix has ?, #, \\ or dots alone between slashes")
  }
  const prefix = path.replace(/^\/+|\/+$/g, "").replace(/\/{2,}/g, "/")
  const told = `s3://${host}${prefix === "" ? "" : `/${prefix}`}`
  return Effect.succeed({ bucket: host, prefix, address: told, environment, insecure })
}

/** The store of a place. What speaks to S3 is loaded where S3 is named. */
export const layerArtifactStore = (place: string | StorePlace): Layer.Layer<ArtifactStore, RemoteError | StoreError> =>
  Layer.scoped(
    ArtifactStore,
    Effect.gen(function* () {
      const { directory, remote } = typeof place === "string" ? { directory: place, remote: undefined } : place
      const folder = yield* openFolder(directory)
      if (remote === undefined) return folder
      if (!isS3(remote.address)) {
        const outer = yield* openFolder(resolve(remote.address))
        return { ...folder, remote: sharedResults(folder, folderRemote(outer, outer.directory)) }
      }
      const s3 = yield* s3Place(remote)
      return { ...folder, remote: sharedResults(folder, yield* s3Remote(s3)) }
    }),
  )
