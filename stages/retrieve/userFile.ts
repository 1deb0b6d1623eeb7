import { basename, dirname, resolve } from "node:path"
import { type Artifact, sourceFiles } from "../../pipeline/index.ts"
import type { Kinds } from "../../schemas/index.ts"

/** One of the user's files, as what a stage reads. */
export const userFile = (
  path: string,
  name: string,
): { readonly file: string; readonly files: Artifact<Kinds.SourceFiles> } => {
  const [root, file] = [dirname(resolve(path)), basename(path)]
  return { file, files: sourceFiles({ name, root, files: [file] }) }
}
