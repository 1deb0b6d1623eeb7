import { resolve } from "node:path"
import { isS3, type StorePlace } from "../pipeline/index.ts"
import { environment } from "./Environment.ts"

/** How a store is named on the command line. */
export interface StoreWords {
  /** A folder, or `s3://bucket/prefix`. */
  readonly artifacts: string
  /** The local folder before it. */
  readonly cache: string | undefined
  readonly insecure: boolean
}

/** The store's folder where none is named, and the local one before a bucket. */
export const usualFolder = "artifacts"

/** Words that name a place, in another process and another folder, on this machine. */
export const storeWords = ({ directory, remote }: StorePlace): ReadonlyArray<string> =>
  remote === undefined
    ? ["--artifacts", resolve(directory)]
    : [
        ...[
          "--artifacts",
          isS3(remote.address) ? remote.address : resolve(remote.address),
          "--cache",
          resolve(directory),
        ],
        ...(remote.insecure === true ? ["--insecure"] : []),
      ]

/** Where the store is that is named so. */
export const storePlace = ({ artifacts, cache, insecure }: StoreWords): StorePlace => {
  if (!isS3(artifacts) && (cache === undefined || resolve(cache) === resolve(artifacts))) {
    return { directory: artifacts }
  }
  return { directory: cache ?? usualFolder, remote: { address: artifacts, environment, insecure } }
}
