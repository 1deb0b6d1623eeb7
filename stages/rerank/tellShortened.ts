import { type ModelCard, queryTokensOf } from "../../schemas/index.ts"

/** What there is to say of texts that did not fit. */
export interface Shortened {
  readonly pairs: number
  readonly queries: number
  readonly truncated: number
  readonly truncatedQueries: number
  readonly queriesWithoutRoom: number
  /** The first of these, where it is known. */
  readonly crowding?: string | undefined
}

/** Says how many texts were shortened, where any were. */
export const tellShortened = (
  warn: (message: string) => void,
  { crowding, pairs, queries, queriesWithoutRoom, truncated, truncatedQueries }: Shortened,
  card: ModelCard,
): void => {
  const { maximumTokens, truncation } = card.input
  if (truncated > 0) {
    const texts = card.output === "embeddings" ? "passages" : `of ${pairs} pairs' passages`
    warn(`${truncated} ${texts} were shortened to fit ${maximumTokens} tokens`)
  }
  if (truncatedQueries > 0) {
    const which = `${truncatedQueries} of ${queries} queries`
    const cut = queryTokensOf(truncation)
    warn(
      cut === undefined
        ? `${which} were shortened to fit ${maximumTokens} tokens; maximumTokens raises the limit`
        : `${which} were shortened, to at most ${cut} tokens (truncation «${truncation}»)`,
    )
  }
  if (queriesWithoutRoom > 0) {
    const first = crowding === undefined ? "" : `${crowding}${queriesWithoutRoom > 1 ? " the first" : ""}, `
    warn(
      `${queriesWithoutRoom} of ${queries} queries, ${first}would leave no room for a passage within ${maximumTokens} tokens, and share it with the passage, the longer text shortened first; rerank.strict makes that an error`,
    )
  }
}
