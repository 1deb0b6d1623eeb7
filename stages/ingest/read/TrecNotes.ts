/** What of TREC's files was not taken in the ordinary way: told, not refused. */
export interface TrecNotes {
  /** by the outermost tag around text that was left out, in capitals (`""`: around none): in how many documents */
  readonly leftOut: Map<string, number>
  /** documents that have none of the tags, and are their whole text */
  wholeDocuments: number
  /** topics without title, description and narrative, which are their whole text */
  wholeTopics: number
  /** fields that TREC's topics do not have and nobody asks for: in how many topics */
  readonly otherFields: Map<string, number>
}

/** Nothing yet. */
export const trecNotes = (): TrecNotes => ({
  leftOut: new Map(),
  wholeDocuments: 0,
  wholeTopics: 0,
  otherFields: new Map(),
})
