import { rm } from "node:fs/promises"
import { join } from "node:path"
import { causeText } from "../../../schemas/index.ts"
import { layoutFiles } from "../Layout.ts"
import type { PublicCollection, PublicFile } from "./Catalogue.ts"
import { DownloadFailed } from "./DownloadError.ts"
import { type DownloadOptions, download } from "./download.ts"
import { type Take, unpackTar, unpackZip } from "./unpack.ts"

export interface FetchOptions extends Pick<DownloadOptions, "attempts" | "pauseMillis" | "signal" | "stallMillis"> {
  /** Where the files of the layout come to stand. */
  readonly folder: string
  /** Where archives are fetched to; what is left there is gone on with by the next try. */
  readonly scratch: string
  /** An address under which the same files lie. */
  readonly mirror?: string | undefined
  readonly progress: (progress: { readonly done: number; readonly total: number; readonly detail: string }) => void
}

/**
 * Fetches a public collection's files and unpacks those that its layout names.
 *
 * @throws DownloadFailed
 */
export const fetchFiles = async (collection: PublicCollection, options: FetchOptions): Promise<void> => {
  const { folder, mirror, progress, scratch, ...network } = options
  const wanted = new Set(layoutFiles(collection.layout))
  const prefix = collection.root === "" ? "" : `${collection.root}/`
  const take: Take = (entry) => {
    const name = entry.startsWith(prefix) ? entry.slice(prefix.length) : ""
    return wanted.delete(name) ? name : undefined
  }
  const total = collection.files.reduce((sum, { bytes }) => sum + bytes, 0)
  let before = 0
  for (const file of collection.files) {
    const address = mirrored(file, mirror)
    const isArchive = typeof file.form === "string"
    const kept = join(isArchive ? scratch : folder, nameOf(file))
    await download({
      ...network,
      address,
      file: kept,
      md5: file.md5,
      bytes: file.bytes,
      spare: isArchive ? collection.unpacked : 0,
      onProgress: ({ bytes, rate }) =>
        progress({ done: before + bytes, total, detail: `${(rate / 1e6).toFixed(1)} MB/s` }),
    })
    before += file.bytes
    if (typeof file.form !== "string") {
      wanted.delete(file.form.keepAs)
      continue
    }
    progress({ done: before, total, detail: "unpacking" })
    try {
      await (file.form === "zip" ? unpackZip : unpackTar)(kept, folder, take)
    } catch (error) {
      const detail = `the archive could not be unpacked (${causeText(error)})`
      const fix = "Check the disk's free space; the archive itself has the right digest."
      throw new DownloadFailed({ address, reason: "archive", detail, fix })
    }
    await rm(kept, { force: true })
  }
  if (wanted.size > 0) {
    const detail = `the archives lack ${[...wanted].join(", ")}`
    const fix = "Their contents have changed: fetch the collection by hand and name its folder."
    throw new DownloadFailed({ address: collection.name, reason: "archive", detail, fix })
  }
}

const nameOf = ({ address, form }: PublicFile): string =>
  typeof form === "string" ? (address.split("/").pop() ?? "archive") : form.keepAs

/** The same file at another server: the mirror's address with the last part of the original's. */
const mirrored = ({ address }: PublicFile, mirror: string | undefined): string =>
  mirror === undefined ? address : `${mirror.replace(/\/$/, "")}/${address.split("/").pop() ?? ""}`
