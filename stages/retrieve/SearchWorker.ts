/** Thread of a `SearchPool`: its first message is the index it shares with the main thread, each later one a request. */
import { parentPort } from "node:worker_threads"
import { Bm25Searcher } from "./Bm25.ts"
import type { SearchReply, SearchRequest, SearchThread } from "./SearchPool.ts"

parentPort?.once("message", ({ index, parameters }: SearchThread) => {
  const searcher = new Bm25Searcher(index, parameters)
  parentPort?.on("message", ({ queries, k }: SearchRequest) => {
    const reply: SearchReply = { hits: queries.map((query) => searcher.search(query, k)) }
    const buffers = reply.hits.flatMap(({ docs, scores }) => [docs.buffer, scores.buffer])
    // Empty results share one pair of arrays, which stays.
    parentPort?.postMessage(
      reply,
      buffers.filter((buffer) => buffer instanceof ArrayBuffer).filter((buffer) => buffer.byteLength > 0),
    )
  })
})
