import { existsSync, readdirSync, statSync } from "node:fs"
import { basename, dirname, join, resolve } from "node:path"
import { folderFiles } from "./folderFiles.ts"
import { UnknownModel } from "./ModelError.ts"

const looksLocal = /^[./~]|^[A-Za-z]:[\\/]/u
const repositoryName = /^[\w.-]+(?:\/[\w.-]+)?$/u

/** What a source is: a folder's files with an ONNX graph named or not, or a repository of the hub. */
export type ModelSource =
  | { readonly kind: "files"; readonly folder: string; readonly files: ReadonlyArray<string>; readonly graph?: string }
  | { readonly kind: "hub"; readonly repository: string }

/**
 * Finds out what a source is; of folders, only the listing is read.
 *
 * @throws UnknownModel
 */
export const modelSource = (source: string): ModelSource => {
  const path = resolve(source)
  if (existsSync(path)) {
    const isFile = statSync(path).isFile()
    if (isFile && !path.endsWith(".onnx")) {
      throw new UnknownModel({ source, problem: "it is a file, and no ONNX graph", seen: [] })
    }
    const folder = isFile ? dirname(path) : path
    const graph = isFile ? basename(path) : undefined
    const files = folderFiles(folder, graph)
    if ("problem" in files) throw new UnknownModel({ source, ...files })
    return { kind: "files", folder, files: files.names, ...(graph === undefined ? {} : { graph }) }
  }
  if (!looksLocal.test(source) && repositoryName.test(source)) return { kind: "hub", repository: source }
  const above = dirname(path)
  const seen = existsSync(above) ? readdirSync(above).map((name) => join(dirname(source), name)) : []
  throw new UnknownModel({ source, problem: "there is no such folder", seen: seen.sort() })
}
