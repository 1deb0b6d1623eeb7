import { queryTokensOf, type Truncation } from "../../schemas/index.ts"

/** How query and passage share the tokens that an input has for them. */
export interface RoomPolicy {
  /** Whether a query of so many tokens leaves room for a passage's first token; where not, both share the room. */
  readonly hasRoom: (queryTokens: number) => boolean
  /** How many of a query's tokens are left beside such a passage. */
  readonly queryKept: (queryTokens: number, passageTokens: number) => number
  /** How many of a passage's tokens are left beside such a query. */
  readonly passageKept: (queryTokens: number, passageTokens: number) => number
}

/**
 * How many of the query's tokens are left where both texts share so much room, as `transformers` has it (`longest_first`): the
 * longer text is shortened until it is as long as the other, then both in turn; of an odd number the longer has one more.
 */
const longestFirst = (query: number, passage: number, room: number): number => {
  if (query + passage <= room) return query
  const shorter = Math.min(query, passage)
  const half = Math.floor(room / 2)
  if (shorter <= half) return query <= passage ? query : room - passage
  return query > passage ? room - half : half
}

/** The policy in numbers, for a room of at least 2 tokens. */
export const roomPolicy = (truncation: Truncation, room: number): RoomPolicy => {
  const most = queryTokensOf(truncation) ?? Number.POSITIVE_INFINITY
  const hasRoom = (query: number): boolean => truncation === "longest-first" || Math.min(query, most) < room
  const queryKept = (query: number, passage: number): number => {
    const cut = Math.min(query, most)
    return truncation === "longest-first" || !hasRoom(query) ? longestFirst(cut, passage, room) : cut
  }
  return {
    hasRoom,
    queryKept,
    passageKept: (query, passage) => Math.min(passage, room - queryKept(query, passage)),
  }
}
