import * as Schema from "effect/Schema"

/**
 * What becomes of a query and a passage that are too long together:
 * - `passage`: the passage alone is shortened, from its end;
 * - `longest-first`: the longer text until both are equally long, then both in turn, as `transformers` does it with `truncation=True`;
 * - `query:<n>`: a query is cut to its first n tokens, its prompt among them, then the passage is shortened.
 *
 * A query that would leave no room for a passage shares the room with it, as with `longest-first`.
 */
export const Truncation = Schema.Union(
  Schema.Literal("passage", "longest-first"),
  Schema.TemplateLiteral("query:", Schema.Number).pipe(Schema.pattern(/^query:[1-9]\d{0,8}$/)),
)
export type Truncation = typeof Truncation.Type

/** How many tokens of a query a policy leaves, however short the passage; none where it says nothing of queries. */
export const queryTokensOf = (truncation: Truncation | undefined): number | undefined =>
  truncation?.startsWith("query:") === true ? Number(truncation.slice("query:".length)) : undefined
