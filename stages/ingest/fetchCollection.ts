import * as Effect from "effect/Effect"
import type { StageRun } from "../../pipeline/index.ts"
import { causeText, type Kinds } from "../../schemas/index.ts"
import type { DownloadConfig } from "./Config.ts"
import { publicCollection, publicCollections } from "./download/Catalogue.ts"
import { DownloadFailed } from "./download/DownloadError.ts"
import { fetchFiles } from "./download/fetchFiles.ts"

type Out = { readonly files: typeof Kinds.SourceFiles }

/** Fetches a public collection. A killed run goes on where it broke off: its archive lies in the scratch folder. */
export const run: StageRun<DownloadConfig, Record<string, never>, Out> = ({ config, outputs, progress, scratch }) =>
  Effect.tryPromise({
    try: async (signal) => {
      const collection = publicCollection(config.dataset)
      if (collection === undefined) {
        const detail = "no public collection has this name"
        const fix = `Take one of ${publicCollections.map(({ name }) => name).join(", ")}.`
        throw new DownloadFailed({ address: config.dataset, reason: "archive", detail, fix })
      }
      await fetchFiles(collection, {
        folder: outputs.files,
        scratch,
        mirror: config.mirror,
        signal,
        progress: (bytes) => progress({ ...bytes, unit: "bytes" }),
      })
      return { facts: { addresses: collection.files.map(({ address }) => address) } }
    },
    catch: (error) => {
      if (error instanceof DownloadFailed) return error
      const detail = causeText(error)
      const fix = "Check the disk, then run the command again."
      return new DownloadFailed({ address: config.dataset, reason: "disk", detail, fix })
    },
  })
