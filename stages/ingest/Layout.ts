import { readdirSync, statSync } from "node:fs"
import * as Schema from "effect/Schema"
import { Split } from "../../schemas/index.ts"
import { UnknownLayout, UnreadableFile } from "./IngestError.ts"
import { type FileForm, forms, layoutNames } from "./read/forms/registry.ts"
import { tabSeparated } from "./read/forms/tabSeparated.ts"
import { trec } from "./read/forms/trec.ts"
import { unpackedName } from "./read/unpackedName.ts"
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
  format: Schema.Literal(...layoutNames),
  corpus: Schema.NonEmptyArray(Schema.NonEmptyString),
  /** None where the judgements hold the queries' texts. */
  queries: Schema.Array(Schema.NonEmptyString),
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
  `Recognised are: ${forms.flatMap(({ files, title }) => (files === undefined ? [] : `${title} (${files})`)).join(", ")}; ` +
  "each plain or packed (.gz, .zst), a corpus also in several files (corpus-00000-of-00004.jsonl, or a folder corpus)."

/** A file's name without its folder, format and numbering: `corpus-00000-of-00004.jsonl.gz` is `corpus`, its part 0 of 4. */
interface Name {
  readonly file: string
  readonly folder: string
  readonly stem: string
  readonly format: string
  /** Of how many parts its name says that it is one. */
  readonly parts: number | undefined
  /** Whether it has a number. */
  readonly isPart: boolean
}

const nameOf = (file: string): Name => {
  const [, folder = "", whole = "", format = ""] = /^(?:(.*)\/)?(.*?)(?:\.(\w+))?$/.exec(unpackedName(file)) ?? []
  const [, stem = "", number, parts] = /^(.*?)(?:[._-]*(?:part[._-]?)?(\d+)(?:[._-]of[._-](\d+))?)?$/.exec(whole) ?? []
  return {
    file,
    folder,
    stem: stem === "" ? folder : stem,
    format: format.toLowerCase(),
    parts: parts === undefined ? undefined : Number(parts),
    isPart: number !== undefined,
  }
}

/** What a corpus may be called, the usual names first: others count only where none of these is there. */
const corpusStems: ReadonlyArray<RegExp> = [
  /^(?:corpus|collection)$/i,
  /^(?:documents?|docs|passages?|products?|psgs|msmarco[_-](?:v2[_-])?(?:docs?|passage|document))$/i,
]

/** What the names of a form's files end in, of the forms that have what is asked for. */
const endingsOf = (has: (form: FileForm) => boolean): ReadonlyArray<string> =>
  forms.filter(has).flatMap(({ endings }) => endings)

/** Layouts by the endings of a corpus. Documents of TREC are told by how they begin. */
const corpusLayouts: ReadonlyMap<string, string> = new Map(
  forms.flatMap((form) =>
    form.passages === undefined || form.layout === undefined || form === trec
      ? []
      : form.endings.map((ending) => [ending, form.layout ?? ""] as const),
  ),
)
const queryEndings = endingsOf(({ queries }) => queries !== undefined)
const qrelEndings = endingsOf(({ qrels }) => qrels !== undefined)
const namedEndings = endingsOf(({ hasNamedColumns }) => hasNamedColumns === true)
/** What ends no file of TREC's, whose names say little: those of other forms, and of what is no collection. */
const foreign = [
  ...endingsOf((form) => form !== trec && form !== tabSeparated),
  "md",
  "html?",
  "pdf",
  "zip",
  "py",
  "sh",
]
const trecEnding = `(?:[._-](?![^/]*\\.(?:${foreign.join("|")})$)[^/]*)?`

const trecDocuments = /\.(?:trec|trectext)$/
const queryTables = new RegExp(`^(?:queries[^/]*\\.tsv|topics${trecEnding}|[^/]+-queries\\.tsv)$`)
const qrelFiles = [
  new RegExp(`^(?:qrels/[^/]+|qrels[^/]*|\\d{4}qrels[^/]*|[^/]+[_-]qrels)\\.(?:${qrelEndings.join("|")})$`),
  new RegExp(`^qrels${trecEnding}$`),
  new RegExp(
    `^[^/]*(?:ratings?|judge?ments?)[^/]*\\.(?:${[...namedEndings, ...tabSeparated.endings].join("|")})$`,
    "i",
  ),
]
/** Where the hub's collections have their judgements, beside a folder `corpus`. */
const hubQrels = /^(?:data|default)\/[^/]+\.parquet$/

const isQueryTable = (file: string): boolean => queryTables.test(unpackedName(file))

const isQrelFile = (file: string): boolean => qrelFiles.some((names) => names.test(unpackedName(file)))

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
  const { begun, ...corpus } = corpusOf(folder, seen, fail)
  const records = seen.map(nameOf).filter(isQueryRecords)
  const first = records[0]
  if (first !== undefined && records.some(({ format, folder }) => format !== first.format || folder !== first.folder)) {
    throw fail(`${list(records)} could both be the queries`, "Leave one in the folder.")
  }
  for (const stem of new Set(records.map((name) => name.stem))) {
    const parts = records.filter((name) => name.stem === stem)
    if (parts.length > 1 || parts.some((name) => name.parts !== undefined)) checkParts(parts, fail)
  }
  const tables = nonEmpty(seen.filter(isQueryTable)) ?? begun?.topics ?? []
  const queries = records.length > 0 ? records.map(({ file }) => file) : tables
  const other = new Set([...corpus.files, ...queries])
  const onHub = seen.some((file) => file.startsWith("corpus/"))
  const judged = seen.filter((file) => !other.has(file) && (isQrelFile(file) || (onHub && hubQrels.test(file))))
  const namedFiles = splits
    .flatMap((split) => named[split] ?? [])
    .filter((file) => seen.includes(file) && !other.has(file))
  const candidates = [...new Set([...judged, ...namedFiles])].sort()
  if (candidates.length === 0) throw fail("no judgements found", shapes)
  const qrels = nonEmpty(assignSplits(candidates, named, fail))
  if (qrels === undefined) throw fail("no judgements of a split found", shapes)
  // A table of judgements may hold the queries' texts; whether it does shows when it is read.
  const mayHoldTexts = (file: string): boolean =>
    namedEndings.some((ending) => unpackedName(file).endsWith(`.${ending}`)) ||
    /ratings?|judge?ments?/i.test(file) ||
    namedFiles.includes(file)
  if (queries.length === 0 && !qrels.every(({ file }) => mayHoldTexts(file))) throw fail("no queries found", shapes)
  const passedOver = [
    ...judgementsPassedOver(candidates, qrels),
    ...tables
      .filter((file) => !queries.includes(file))
      .map((file) => ({ file, instead: `the queries are those of ${queries.join(", ")}` })),
    ...(begun?.leftOut ?? []).map((file) => ({ file, instead: congressionalRecord })),
    ...(begun?.unlike ?? []).map((file) => ({
      file,
      instead: "it does not begin with <DOC>, as the documents' files do",
    })),
  ]
  const layout: Layout = {
    format: corpus.format,
    corpus: corpus.files,
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

type Fail = (problem: string, fix: string) => UnknownLayout

const list = (names: ReadonlyArray<Name>): string => names.map(({ file }) => file).join(" and ")

const isQueryRecords = ({ folder, format, stem }: Name): boolean =>
  queryEndings.includes(format) &&
  ((folder === "" && /^quer(?:ies|y)(?:[._-](?:train|dev|valid|val|validation|test))?$/i.test(stem)) ||
    folder === "queries")

/** Refuses files that are not the parts of one: some without a number, or fewer than their names say. */
const checkParts = (parts: ReadonlyArray<Name>, fail: Fail): void => {
  const whole = parts.filter(({ folder, isPart }) => !isPart && folder === "")
  if (whole.length > 0) throw fail(`${list(parts)} could both be it`, "Leave one of them in the folder.")
  const due = Math.max(0, ...parts.map(({ parts: count }) => count ?? 0))
  if (due > parts.length) {
    throw fail(`of ${due} parts only ${parts.length} are there: ${list(parts)}`, "Fetch the others.")
  }
}

/** The files with the passages, and how they are written. */
const corpusOf = (folder: string, seen: ReadonlyArray<string>, fail: Fail) => {
  const names = seen.map(nameOf)
  for (const stems of corpusStems) {
    const found = names.filter(
      ({ folder: within, format, stem }) => corpusLayouts.has(format) && stems.test(within === "" ? stem : within),
    )
    const [first, ...others] = found
    if (first === undefined) continue
    const isOther = ({ folder: within, format, stem }: Name) =>
      format !== first.format || within !== first.folder || (within === "" && stem !== first.stem)
    if (others.some(isOther))
      throw fail(`${list(found)} could both be the passages`, "Leave one of them in the folder.")
    if (others.length > 0 || first.parts !== undefined) checkParts(found, fail)
    const files = [first.file, ...others.map(({ file }) => file)] as const
    return { format: corpusLayouts.get(first.format) ?? "", files, begun: undefined }
  }
  // TREC's disks have names that say nothing: their files are told by how they begin.
  const begun = trecFiles(folder, (file) => isQueryTable(file) || isQrelFile(file))
  if (begun?.tooMany === true) throw fail("there are too many files to look at", tooManyFix)
  // Documents in TREC's markup have names that runs have too, so they count only where nothing else is the corpus.
  const files =
    nonEmpty(begun?.documents ?? []) ?? nonEmpty(seen.filter((file) => trecDocuments.test(unpackedName(file))))
  if (files === undefined) throw fail("no passages found", shapes)
  return { format: "trec" as const, files, begun }
}

/** The folder's files and those of its folders that may hold a part of a collection, sorted, without hidden ones. */
const filesOf = (folder: string): ReadonlyArray<string> => {
  try {
    const names = readdirSync(folder, { withFileTypes: true }).filter(({ name }) => !name.startsWith("."))
    const within = names.flatMap(({ name }) => {
      if (
        !partFolders.includes(name) ||
        statSync(`${folder}/${name}`, { throwIfNoEntry: false })?.isDirectory() !== true
      ) {
        return [name]
      }
      return readdirSync(`${folder}/${name}`)
        .filter((file) => !file.startsWith("."))
        .map((file) => `${name}/${file}`)
    })
    return within.sort()
  } catch (error) {
    throw unreadable(folder, error)
  }
}

const partFolders = ["qrels", "corpus", "collection", "queries", "data", "default"]

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
  unpackedName(file)
    .replace(new RegExp(`\\.(?:${qrelEndings.join("|")})$`), "")
    .replace(/-\d+-of-\d+$/, "")
    .replace(/^(?:data|default)\//, "")
    .replace(/^qrels(?:$|[/._-])/, "")
    .replace(/[_-]qrels$/, "")
    .replace(/^msmarco-(?:v1-)?(?:passage[._-]|doc(?=train|dev))/, "")

const splitOfSet = (set: string): Split | undefined => {
  const plain = set.toLowerCase()
  if (/^train(?:ing)?$/.test(plain)) return "train"
  if (/^(?:dev|valid|val|validation)(?:[._-]?(?:small|subset))?$/.test(plain)) return "dev"
  return plain === "test" ? "test" : undefined
}

const assignSplits = (
  files: ReadonlyArray<string>,
  named: SplitNames,
  fail: Fail,
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

/** The judgements that no split takes, each with the setting that takes it. */
const judgementsPassedOver = (
  files: ReadonlyArray<string>,
  taken: ReadonlyArray<{ readonly split: Split; readonly file: string }>,
) =>
  files
    .filter((file) => !taken.some((entry) => entry.file === file))
    .map((file) => {
      const set = setOf(file)
      const split = splits.find((each) => splitOfSet(/^[a-z]+/i.exec(set)?.[0] ?? "") === each) ?? "test"
      const read = taken.find((entry) => entry.split === split)?.file
      const name = set !== "" && files.filter((other) => setOf(other) === set).length === 1 ? set : file
      const instead = read === undefined ? `no split is named after it` : `the ${split} split is ${read}`
      return { file, instead: `${instead}; --set ingest.splits.${split}=${name} takes it` }
    })

const ambiguous = (files: ReadonlyArray<string>, split: Split, fail: Fail) =>
  fail(
    `${files.join(", ")}: any of them could be the ${split} split`,
    `Say which: ${files.map((file) => `--set ingest.splits.${split}=${setOf(file) || file}`).join(" or ")}.`,
  )
