/**
 * The public collections: where their files are, how large they are, and the digest their publishers or the ir_datasets
 * project record for them. All knowledge about addresses is here.
 */

import type { Layout } from "../Layout.ts"

/** A file to fetch. */
export interface PublicFile {
  readonly address: string
  /** Size as recorded: for progress and for the space that is needed; the digest decides. */
  readonly bytes: number
  readonly md5: string
  /** How it is stored: an archive to unpack, or a file to keep under this name. */
  readonly form: "zip" | "tar.gz" | { readonly keepAs: string }
}

export interface PublicCollection {
  readonly name: string
  readonly files: ReadonlyArray<PublicFile>
  /** Folder within the archives that the layout is relative to; "" for their root. */
  readonly root: string
  /** Bytes on disk when unpacked, about. */
  readonly unpacked: number
  readonly layout: Layout
  /** Whether its queries are passages of it, which BEIR's figures leave out of their own results. */
  readonly queriesArePassages: boolean
}

/** Collections whose queries are passages, under the same identifiers. */
const ofPassages: ReadonlySet<string> = new Set(["arguana", "quora"])

const beirAddress = (zip: string): string =>
  `https://public.ukp.informatik.tu-darmstadt.de/thakur/BEIR/datasets/${zip}.zip`

type Splits = ReadonlyArray<"train" | "dev" | "test">

/** name, bytes, md5, splits with judgements */
const beirZips: ReadonlyArray<readonly [string, number, string, Splits]> = [
  ["msmarco", 1_082_258_632, "444067daf65d982533ea17ebd59501e4", ["train", "dev", "test"]],
  ["trec-covid", 73_876_720, "ce62140cb23feb9becf6270d0d1fe6d1", ["test"]],
  ["nfcorpus", 2_448_432, "a89dba18a62ef92f7d323ec890a0d38d", ["train", "dev", "test"]],
  ["nq", 498_307_926, "d4d3d2e48787a744b6f6e691ff534307", ["test"]],
  ["hotpotqa", 654_025_350, "f412724f78b0d91183a0e86805e16114", ["train", "dev", "test"]],
  ["fiqa", 17_948_027, "17918ed23cd04fb15047f73e6c3bd9d9", ["train", "dev", "test"]],
  ["arguana", 3_773_617, "8ad3e3c2a5867cdced806d6503f29b99", ["test"]],
  ["webis-touche2020", 227_132_363, "46f650ba5a527fc69e0a6521c5a23563", ["test"]],
  ["quora", 15_853_968, "18fb154900ba42a600f84b839c173167", ["dev", "test"]],
  ["dbpedia-entity", 639_285_131, "c2a39eb420a3164af735795df012ac2c", ["dev", "test"]],
  ["scidocs", 142_471_588, "38121350fc3a4d2f48850f6aff52e4a9", ["test"]],
  ["fever", 1_236_988_269, "5a818580227bfb4b35bb6fa46d9b6c03", ["train", "dev", "test"]],
  ["climate-fever", 1_228_666_652, "8b66f0a9126c521bae2bde127b4dc99d", ["test"]],
  ["scifact", 2_816_079, "5f7d1de60b170fc8027bb7898e2efca1", ["train", "test"]],
]

const forums = [
  ...["android", "english", "gaming", "gis", "mathematica", "physics", "programmers", "stats", "tex", "unix"],
  ...["webmasters", "wordpress"],
] as const
const cqadupstack: PublicFile = {
  address: beirAddress("cqadupstack"),
  bytes: 5_343_728_040,
  md5: "4e41456d7df8ee7760a7f866133bda78",
  form: "zip",
}

/** Text shrinks to about a third in these archives. */
const unpackedBytes = (bytes: number): number => bytes * 4

const beirLayout = (splits: Splits): Layout => {
  const [first, ...rest] = splits.map((split) => ({ split, file: `qrels/${split}.tsv` }))
  if (first === undefined) throw new Error("a collection has at least one split")
  return { format: "beir", corpus: ["corpus.jsonl"], queries: ["queries.jsonl"], qrels: [first, ...rest] }
}

const msmarcoAddress = (file: string): string => `https://msmarco.z22.web.core.windows.net/msmarcoranking/${file}`

const collectionAndQueries: PublicFile = {
  address: msmarcoAddress("collectionandqueries.tar.gz"),
  bytes: 1_057_717_952,
  md5: "31644046b18952c1386cd4564ba2ae69",
  form: "tar.gz",
}

/** A TREC deep-learning year: MS MARCO's passages and training queries, and the year's topics and judgements as test. */
const deepLearning = (
  year: 2019 | 2020,
  topics: Omit<PublicFile, "address" | "form">,
  qrels: typeof topics,
): PublicCollection => {
  const queries = `msmarco-test${year}-queries.tsv.gz`
  const judged = `${year}qrels-pass.txt`
  return {
    name: `trec-dl-${year}`,
    files: [
      collectionAndQueries,
      { address: msmarcoAddress(queries), form: { keepAs: queries }, ...topics },
      { address: `https://trec.nist.gov/data/deep/${judged}`, form: { keepAs: judged }, ...qrels },
    ],
    root: "",
    unpacked: 3_500_000_000,
    queriesArePassages: false,
    layout: {
      format: "msmarco",
      corpus: ["collection.tsv"],
      queries: ["queries.train.tsv", "queries.dev.small.tsv", queries],
      qrels: [
        { split: "train", file: "qrels.train.tsv" },
        { split: "dev", file: "qrels.dev.small.tsv" },
        { split: "test", file: judged },
      ],
    },
  }
}

export const publicCollections: ReadonlyArray<PublicCollection> = [
  {
    // The dev-small queries are the ones that results are reported on; there are no public judgements of the eval queries.
    name: "msmarco-passage",
    files: [collectionAndQueries],
    root: "",
    unpacked: 3_500_000_000,
    queriesArePassages: false,
    layout: {
      format: "msmarco",
      corpus: ["collection.tsv"],
      queries: ["queries.train.tsv", "queries.dev.small.tsv"],
      qrels: [
        { split: "train", file: "qrels.train.tsv" },
        { split: "dev", file: "qrels.dev.small.tsv" },
      ],
    },
  },
  deepLearning(
    2019,
    { bytes: 4276, md5: "eda71eccbe4d251af83150abe065368c" },
    { bytes: 187_092, md5: "2f4be390198da108f6845c822e5ada14" },
  ),
  deepLearning(
    2020,
    { bytes: 4131, md5: "00a406fb0d14ed3752d70d1e4eb98600" },
    { bytes: 218_617, md5: "0355ccee7509ac0463e8278186cdd8d1" },
  ),
  ...beirZips.map(
    ([name, bytes, md5, splits]): PublicCollection => ({
      name: `beir/${name}`,
      files: [{ address: beirAddress(name), bytes, md5, form: "zip" }],
      root: name,
      unpacked: unpackedBytes(bytes),
      layout: beirLayout(splits),
      queriesArePassages: ofPassages.has(name),
    }),
  ),
  ...forums.map(
    (forum): PublicCollection => ({
      name: `beir/cqadupstack/${forum}`,
      files: [cqadupstack],
      root: `cqadupstack/${forum}`,
      unpacked: 2_000_000_000,
      layout: beirLayout(["test"]),
      queriesArePassages: false,
    }),
  ),
]

/** A public collection by its name. */
export const publicCollection = (name: string): PublicCollection | undefined =>
  publicCollections.find((collection) => collection.name === name)
