import { rm } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import type { StageRun } from "../../pipeline/index.ts"
import type { Kinds } from "../../schemas/index.ts"
import type { DownloadConfig } from "./Config.ts"
import { type PublicFile, publicCollection } from "./download/Catalogue.ts"
import { DownloadFailed } from "./download/DownloadError.ts"
import { download } from "./download/download.ts"
import { type Take, unpackTar, unpackZip } from "./download/unpack.ts"
import { layoutFiles } from "./Layout.ts"

type Out = { readonly files: typeof Kinds.SourceFiles }

/** Fetches a public collection's files and unpacks those that its layout names. */
export const run: StageRun<DownloadConfig, Record<string, never>, Out> = ({ config, outputs, progress, scratch }) =>
  Effect.tryPromise({
    try: async (signal) => {
      const collection = publicCollection(config.dataset)
      if (collection === undefined) throw unknown(config.dataset)
      const wanted = new Set(layoutFiles(collection.layout))
      const prefix = collection.root === "" ? "" : `${collection.root}/`
      const take: Take = (entry) => {
        const name = entry.startsWith(prefix) ? entry.slice(prefix.length) : ""
        return wanted.delete(name) ? name : undefined
      }
      const total = collection.files.reduce((sum, { bytes }) => sum + bytes, 0)
      let before = 0
      for (const file of collection.files) {
        const address = mirrored(file, config.mirror)
        const kept = join(typeof file.form === "string" ? scratch : outputs.files, nameOf(file))
        await download({
          address,
          file: kept,
          md5: file.md5,
          bytes: file.bytes,
          spare: typeof file.form === "string" ? collection.unpacked : 0,
          signal,
          onProgress: ({ bytes, rate }) =>
            progress({ done: before + bytes, total, unit: "bytes", detail: `${(rate / 1e6).toFixed(1)} MB/s` }),
        })
        before += file.bytes
        if (typeof file.form !== "string") {
          wanted.delete(file.form.keepAs)
          continue
        }
        progress({ done: before, total, unit: "bytes", detail: "unpacking" })
        try {
          await (file.form === "zip" ? unpackZip : unpackTar)(kept, outputs.files, take)
        } catch (error) {
          const detail = `the archive could not be unpacked (${error instanceof Error ? error.message : String(error)})`
          const fix = "Check the disk's free space; the archive itself has the right digest."
          throw new DownloadFailed({ address, reason: "archive", detail, fix })
        }
        await rm(kept, { force: true })
      }
      const [first] = wanted
      if (first !== undefined) {
        const detail = `the archive lacks ${[...wanted].join(", ")}`
        const fix = "Its contents have changed: fetch it by hand and name its folder."
        throw new DownloadFailed({ address: collection.name, reason: "archive", detail, fix })
      }
      return { facts: { addresses: collection.files.map(({ address }) => address) } }
    },
    catch: (error) =>
      error instanceof DownloadFailed
        ? error
        : new DownloadFailed({
            address: config.dataset,
            reason: "disk",
            detail: error instanceof Error ? error.message : String(error),
            fix: "Check the disk, then run the command again.",
          }),
  })

const nameOf = ({ address, form }: PublicFile): string =>
  typeof form === "string" ? (address.split("/").pop() ?? "archive") : form.keepAs

/** The same file at another server: the mirror's address with the last part of the original's. */
const mirrored = ({ address }: PublicFile, mirror: string | undefined): string =>
  mirror === undefined ? address : `${mirror.replace(/\/$/, "")}/${address.split("/").pop() ?? ""}`

const unknown = (dataset: string): DownloadFailed =>
  new DownloadFailed({
    address: dataset,
    reason: "archive",
    detail: "no public collection has this name",
    fix: "Name a folder, or one of the collections in the documentation.",
  })
