/** The collection does not fit into one index. */
export class IndexTooLarge extends Error {
  override readonly name = "IndexTooLarge"
  readonly what: string
  readonly limit: number
  readonly documents: number
  constructor(what: string, limit: number, documents: number) {
    super(`The index is full after ${documents} documents: at most ${limit} ${what}. Split the collection.`)
    this.what = what
    this.limit = limit
    this.documents = documents
  }
}
