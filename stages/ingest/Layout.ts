import { readdirSync, statSync } from "node:fs"
import * as Schema from "effect/Schema"
import { Split } from "../../schemas/index.ts"
import { UnknownLayout, UnreadableFile } from "./IngestError.ts"
import { trecFiles } from "./trecFiles.ts"
import { unreadable } from "./unreadable.ts"

/** A file that looks like a part of the collection and is not read. */
const PassedOver = Schema.Struct({
  file: Schema.NonEmptyString,
  /** What is read in its stead, and the setting that takes it. */
  instead: Schema.NonEmptyString,
})

/** Which files of a folder are the collection; paths relative to the folder, with `/`. */
export const Layout = Schema.Struct({
  format: Schema.Literal("beir", "msmarco", "trec"),
  corpus: Schema.NonEmptyArray(Schema.NonEmptyString),
  queries: Schema.NonEmptyArray(Schema.NonEmptyString),
  qrels: Schema.NonEmptyArray(Schema.Struct({ split: Split, file: Schema.NonEmptyString })),
  passedOver: Schema.optionalWith(Schema.Array(PassedOver), { exact: true }),
})
export type Layout = typeof Layout.Type

/** Which judgement file is which split, where the user says so: a file's name, its path, or the name of its set. */
export type SplitNames = { readonly [S in Split]?: string | undefined }

/** All files of a layout, sorted. */
export const layoutFiles = (layout: Layout): ReadonlyArray<string> =>
  [...new Set([...layout.corpus, ...layout.queries, ...layout.qrels.map(({ file }) => file)])].sort()

const splits = ["train", "dev", "test"] as const

const shapes =
  "Recognised are: BEIR (corpus.jsonl, queries.jsonl, qrels/*.tsv), MS MARCO (collection.tsv, queries.*.tsv, qrels.*.tsv) " +
  "and TREC (files that begin with <DOC>, in folders too, topics.*, qrels.*), each plain or .gz."

const corpusFiles: ReadonlyArray<{ readonly format: Layout["format"]; readonly name: RegExp }> = [
  { format: "beir", name: /^corpus\.jsonl(?:\.gz)?$/ },
  { format: "msmarco", name: /^collection\.tsv(?:\.gz)?$/ },
  { format: "trec", name: /\.(?:trec|trectext)(?:\.gz)?$/ },
]
const queryRecords = /^queries\.jsonl(?:\.gz)?$/
const queryTables =
  /^(?:queries[^/]*\.tsv|topics(?:[._-](?![^/]*\.(?:jsonl?|csv|parquet|md|html?|pdf|zip|py|sh)$)[^/]*)?|[^/]+-queries\.tsv)(?:\.gz)?$/
const qrelFiles =
  /^(?:(?:qrels\/[^/]+|qrels[^/]*|\d{4}qrels[^/]*)\.(?:tsv|txt|qrels)|qrels(?:[._-](?![^/]*\.(?:jsonl?|csv|parquet|md|html?|pdf|zip|py|sh)$)[^/]*)?)(?:\.gz)?$/

const nonEmpty = <A>(items: ReadonlyArray<A>): readonly [A, ...Array<A>] | undefined => {
  const [first, ...rest] = items
  return first === undefined ? undefined : [first, ...rest]
}

/**
 * Recognises a collection in a folder by its files' names.
 *
 * The split of a judgement file follows from its name: `train`; `dev`, `valid`, `val`, `validation` (of `dev` and
 * `dev.small`, the small one); `test`. Without a `test`, a file `all` or the only other file is the test split. `named`
 * overrides. Files that are no split are left alone.
 *
 * @throws UnreadableFile for a folder or file that cannot be read
 * @throws UnknownLayout for a folder that holds no collection, or where it is not clear which files are meant
 */
export const recogniseLayout = (folder: string, named: SplitNames = {}): Layout => {
  const seen = filesOf(folder)
  const fail = (problem: string, fix: string) => new UnknownLayout({ folder, problem, seen, fix })
  // Documents in TREC's markup have names that runs have too, so they count only where nothing else is the corpus.
  const found = corpusFiles
    .map(({ format, name }) => ({ format, files: seen.filter((file) => name.test(file)) }))
    .filter(({ files }) => files.length > 0)
    .filter(({ format }, _, all) => format !== "trec" || all.length === 1)
  // TREC's disks have names that say nothing: their files are told by how they begin.
  const begun = found.some(({ format }) => format !== "trec")
    ? undefined
    : trecFiles(folder, (file) => queryTables.test(file) || qrelFiles.test(file))
  if (begun?.tooMany === true) throw fail("there are too many files to look at", tooManyFix)
  const marked = nonEmpty(begun?.documents ?? [])
  const [only, another] = marked === undefined ? found : [{ format: "trec" as const, files: marked }]
  const corpus = nonEmpty(only?.files ?? [])
  if (only === undefined || corpus === undefined) throw fail("no passages found", shapes)
  if (another !== undefined || (only.format !== "trec" && corpus.length > 1)) {
    const files = found.flatMap(({ files }) => files).join(" and ")
    throw fail(`${files} could both be the passages`, "Leave one of them in the folder.")
  }
  const records = seen.filter((file) => queryRecords.test(file))
  if (records.length > 1) throw fail(`${records.join(" and ")} could both be the queries`, "Leave one in the folder.")
  const queries = nonEmpty(
    records.length > 0 ? records : (nonEmpty(seen.filter((file) => queryTables.test(file))) ?? begun?.topics ?? []),
  )
  if (queries === undefined) throw fail("no queries found", shapes)
  const judged = seen.filter((file) => qrelFiles.test(file))
  if (judged.length === 0) throw fail("no judgements found", shapes)
  const qrels = nonEmpty(assignSplits(judged, named, fail))
  if (qrels === undefined) throw fail("no judgements of a split found", shapes)
  const passedOver = [
    ...(begun?.leftOut ?? []).map((file) => ({ file, instead: congressionalRecord })),
    ...(begun?.unlike ?? []).map((file) => ({
      file,
      instead: "it does not begin with <DOC>, as the documents' files do",
    })),
  ]
  const layout: Layout = {
    format: only.format,
    corpus,
    queries,
    qrels,
    ...(passedOver.length === 0 ? {} : { passedOver }),
  }
  for (const file of layoutFiles(layout)) checkFile(`${folder}/${file}`)
  return layout
}

const tooManyFix = "Name the folder that holds the collection, or put its documents together in fewer files."

const congressionalRecord =
  "a folder of this name is the Congressional Record, which is no part of disks 4 and 5 in the tracks that use them; another name takes it"

/** The folder's files and those of its `qrels`, sorted, without hidden ones. */
const filesOf = (folder: string): ReadonlyArray<string> => {
  try {
    const names = readdirSync(folder, { withFileTypes: true }).filter(({ name }) => !name.startsWith("."))
    const within = names.flatMap((entry) => {
      if (entry.name !== "qrels" || !statSync(`${folder}/qrels`).isDirectory()) return [entry.name]
      return readdirSync(`${folder}/qrels`).map((name) => `qrels/${name}`)
    })
    return within.sort()
  } catch (error) {
    throw unreadable(folder, error)
  }
}

const checkFile = (path: string): void => {
  let isFile: boolean
  try {
    isFile = statSync(path).isFile()
  } catch (error) {
    throw unreadable(path, error)
  }
  if (isFile) return
  const detail = "a folder stands where a file is due"
  throw new UnreadableFile({ file: path, reason: "a folder", detail, fix: "Remove or rename the folder." })
}

/** The name of a judgement file's set: `qrels/test.tsv` → `test`, `qrels.msmarco-passage.dev-subset.txt` → `dev-subset`. */
const setOf = (file: string): string =>
  file
    .replace(/\.gz$/, "")
    .replace(/\.(?:tsv|txt|qrels)$/, "")
    .replace(/^qrels(?:$|[/._-])/, "")
    .replace(/^msmarco-(?:v1-)?passage[._-]/, "")

const splitOfSet = (set: string): Split | undefined => {
  const plain = set.toLowerCase()
  if (/^train(?:ing)?$/.test(plain)) return "train"
  if (/^(?:dev|valid|val|validation)(?:[._-]?(?:small|subset))?$/.test(plain)) return "dev"
  return plain === "test" ? "test" : undefined
}

const assignSplits = (
  files: ReadonlyArray<string>,
  named: SplitNames,
  fail: (problem: string, fix: string) => UnknownLayout,
): ReadonlyArray<{ readonly split: Split; readonly file: string }> => {
  const names = files.map(setOf).join(", ")
  const assigned = new Map<Split, string>()
  for (const split of splits) {
    const name = named[split]
    if (name === undefined) continue
    const meant = files.filter((file) =>
      [file, file.split("/").pop(), setOf(file), setOf(file).replace(/-passage$/, "")].includes(name),
    )
    const [file, another] = meant
    if (file === undefined)
      throw fail(`ingest.splits.${split} is ${name}, and no judgements have that name`, `There are: ${names}.`)
    if (another !== undefined)
      throw fail(`ingest.splits.${split} is ${name}, which fits ${meant.join(" and ")}`, "Give the file's whole name.")
    assigned.set(split, file)
  }
  const taken = new Set(assigned.values())
  const free = files.filter((file) => !taken.has(file))
  for (const split of splits) {
    if (assigned.has(split)) continue
    const claims = free.filter((file) => splitOfSet(setOf(file)) === split)
    const small = claims.filter((file) => /small|subset/i.test(setOf(file)))
    const [file, another] = claims.length > 1 && small.length === 1 ? small : claims
    if (another !== undefined) throw ambiguous(claims, split, fail)
    if (file !== undefined) assigned.set(split, file)
  }
  if (!assigned.has("test")) {
    const rest = free.filter((file) => splitOfSet(setOf(file)) === undefined)
    const all = rest.filter((file) => ["", "all"].includes(setOf(file).toLowerCase()))
    const [file, another] = all.length === 1 ? all : rest
    if (another !== undefined) throw ambiguous(rest, "test", fail)
    if (file !== undefined) assigned.set("test", file)
  }
  return splits.flatMap((split) => {
    const file = assigned.get(split)
    return file === undefined ? [] : [{ split, file }]
  })
}

const ambiguous = (files: ReadonlyArray<string>, split: Split, fail: (problem: string, fix: string) => UnknownLayout) =>
  fail(
    `${files.join(", ")}: any of them could be the ${split} split`,
    `Say which: ${files.map((file) => `--set ingest.splits.${split}=${setOf(file) || file}`).join(" or ")}.`,
  )
