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

/** Where the store is that is named so. */
export const storePlace = ({ artifacts, cache, insecure }: StoreWords): StorePlace => {
  if (!isS3(artifacts) && (cache === undefined || resolve(cache) === resolve(artifacts))) {
    return { directory: artifacts }
  }
  return { directory: cache ?? usualFolder, remote: { address: artifacts, environment, insecure } }
}
