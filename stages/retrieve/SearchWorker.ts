/** Thread of a `SearchPool`: its first message is the index it shares with the main thread, each later one a request. */
import { parentPort } from "node:worker_threads"
import { Bm25Searcher } from "./Bm25.ts"
import type { SearchReply, SearchRequest, SearchThread } from "./SearchPool.ts"

parentPort?.once("message", ({ index, parameters }: SearchThread) => {
  const searcher = new Bm25Searcher(index, parameters)
  parentPort?.on("message", ({ queries, k }: SearchRequest) => {
    const hits = queries.map((query) => searcher.search(query, k))
    const ends = new Uint32Array(hits.length)
    let total = 0
    hits.forEach(({ docs }, i) => {
      total += docs.length
      ends[i] = total
    })
    // One pair of arrays for all: each array handed over costs as much as a small search.
    const docs = new Int32Array(total)
    const scores = new Float32Array(total)
    hits.forEach((found, i) => {
      docs.set(found.docs, ends[i]! - found.docs.length)
      scores.set(found.scores, ends[i]! - found.docs.length)
    })
    const reply: SearchReply = { ends, docs, scores }
    parentPort?.postMessage(reply, [ends.buffer, docs.buffer, scores.buffer])
  })
})
