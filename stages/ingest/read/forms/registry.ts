import { unpackedName } from "../unpackedName.ts"
import { commaSeparated } from "./commaSeparated.ts"
import type { FileForm } from "./FileForm.ts"
import { jsonLines } from "./jsonLines.ts"
import { parquet } from "./parquet.ts"
import { ranxJson } from "./ranxJson.ts"
import { tabSeparated } from "./tabSeparated.ts"
import { trec } from "./trec.ts"

export type { FileForm }

/** Every form that files of a collection may have, a line each: how a folder is recognised, and the readers, follow from it. */
export const forms: ReadonlyArray<FileForm> = [jsonLines, commaSeparated, parquet, tabSeparated, ranxJson, trec]

/** A file's form by its name; TREC's where its ending is nobody's. */
export const formOf = (file: string): FileForm => {
  const ending = /\.(\w+)$/.exec(unpackedName(file))?.[1]?.toLowerCase() ?? ""
  return forms.find(({ endings }) => endings.includes(ending)) ?? trec
}

/** The names of layouts, each once. */
export const layoutNames: ReadonlyArray<string> = [...new Set(forms.flatMap(({ layout }) => layout ?? []))]

/** What a layout is, for people. */
export const layoutTitle = (name: string): string => forms.find(({ layout }) => layout === name)?.title ?? name
