import { resolve } from "node:path"
import { storePlace, usualFolder } from "../cli/storePlace.ts"
import { isS3, type StorePlace } from "../pipeline/index.ts"

/** How a program names a store. */
interface NamedStore {
  readonly artifacts?: string | undefined
  readonly cache?: string | undefined
}

/** The store that is named so, whatever folder the program is in later. */
export const storeOf = ({ artifacts = usualFolder, cache }: NamedStore): StorePlace => {
  const isBucket = isS3(artifacts)
  const local = cache ?? (isBucket ? usualFolder : undefined)
  return storePlace({
    artifacts: isBucket ? artifacts : resolve(artifacts),
    cache: local === undefined ? undefined : resolve(local),
    insecure: false,
  })
}
