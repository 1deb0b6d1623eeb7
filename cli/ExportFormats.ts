import { gridFormats } from "./TextGrid.ts"

/** TREC's six columns, MS MARCO's qid, docid, rank, or JSON as ranx reads it. */
export const runFormats = ["trec", "msmarco", "json"] as const

/** TREC's four columns, or BEIR's three below a heading. */
export const qrelsFormats = ["trec", "beir"] as const

/** The columns of a score in the order of trec_eval -q, of `ir_measures -q`, or as JSON lines of `ir_measures -q -o jsonl`. */
export const scoreFormats = ["tsv", "ir-measures", "jsonl"] as const

/** Rounded and marked for people, or every digit for programs. */
export const tableFormats = [...gridFormats, "csv", "json"] as const

/** The rows of the training logs, or an event file for each training. */
export const logFormats = ["csv", "tensorboard"] as const

/** What other engines read an index as. */
export const indexFormats = ["ciff"] as const
