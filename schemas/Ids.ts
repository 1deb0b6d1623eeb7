import * as Schema from "effect/Schema"

/** A query's identifier, as the collection spells it: non-empty, without white space (TREC files are white-space separated). */
export const Qid = Schema.String.pipe(Schema.pattern(/^\S+$/u), Schema.brand("Qid")).annotations({
  identifier: "Qid",
  description: "A query's identifier: non-empty, without white space",
})
export type Qid = typeof Qid.Type

/** A passage's identifier, as the collection spells it: non-empty, without white space. */
export const Docid = Schema.String.pipe(Schema.pattern(/^\S+$/u), Schema.brand("Docid")).annotations({
  identifier: "Docid",
  description: "A passage's identifier: non-empty, without white space",
})
export type Docid = typeof Docid.Type

/** A node's name, which names a file, holds it and more. */
const longestSystemName = 80

/** The name under which a ranking appears in the result table: `bm25`, `tfidf`, `t5-hybrid`. */
export const SystemName = Schema.String.pipe(
  Schema.pattern(/^[\p{L}\p{N}][\p{L}\p{M}\p{N}._@+-]*$/u),
  Schema.maxLength(longestSystemName),
  Schema.brand("SystemName"),
).annotations({
  identifier: "SystemName",
  description: "The name of a ranked system: letters and digits of any script and . _ @ + -, at most 80",
})
export type SystemName = typeof SystemName.Type

/** Which part of a collection a query belongs to. */
export const Split = Schema.Literal("train", "dev", "test").annotations({ identifier: "Split" })
export type Split = typeof Split.Type

/** Which searcher asks: one with a question, or one who browses. */
export const QueryKind = Schema.Literal("question", "browse").annotations({ identifier: "QueryKind" })
export type QueryKind = typeof QueryKind.Type

/** A relevance grade. Negative grades are trec_eval's "pooled, not judged". */
export const Grade = Schema.Int.annotations({ identifier: "Grade" })
export type Grade = typeof Grade.Type

/** SHA-256 in lower-case hexadecimal. */
export const Sha256 = Schema.String.pipe(Schema.pattern(/^[0-9a-f]{64}$/), Schema.brand("Sha256")).annotations({
  identifier: "Sha256",
})
export type Sha256 = typeof Sha256.Type
