/** BM25 search of one index by several threads, which share its arrays. Same results as one thread. */
import { Worker } from "node:worker_threads"
import type { Bm25Parameters, QueryTerms } from "./Bm25.ts"
import type { InvertedIndex } from "./InvertedIndex.ts"
import type { Hits } from "./TopK.ts"

/** What a thread is started with. */
export interface SearchThread {
  readonly index: InvertedIndex
  readonly parameters: Bm25Parameters
}

export interface SearchRequest {
  readonly queries: ReadonlyArray<QueryTerms>
  readonly k: number
}

/** The hits of all queries of a request, one after the other: the i-th query's end at `ends[i]`. */
export interface SearchReply {
  readonly ends: Uint32Array
  readonly docs: Int32Array
  readonly scores: Float32Array
}

interface Waiting {
  readonly request: SearchRequest
  readonly resolve: (hits: ReadonlyArray<Hits>) => void
  readonly reject: (cause: Error) => void
}

export class SearchPool {
  readonly #workers: ReadonlyArray<Worker>
  readonly #idle: Array<Worker>
  readonly #queue: Array<Waiting> = []
  readonly #running = new Map<Worker, Waiting>()
  #failed: Error | undefined

  /**
   * @param index read with `shared: true`; otherwise each thread gets a copy.
   * @param threads how many, at least one.
   * @param workerFile path of searchThread.js.
   */
  constructor(index: InvertedIndex, parameters: Bm25Parameters, threads: number, workerFile: string) {
    const start: SearchThread = { index, parameters }
    this.#workers = Array.from({ length: threads }, () => {
      const worker = new Worker(workerFile)
      worker.on("message", (reply: SearchReply) => this.#done(worker, reply))
      worker.on("error", (cause) => this.#fail(cause instanceof Error ? cause : new Error(String(cause))))
      worker.on("exit", (code) => this.#fail(new Error(`A search thread ended with code ${code}`)))
      worker.postMessage(start)
      return worker
    })
    this.#idle = [...this.#workers]
  }

  /** The `k` best for each query. Requests are taken in order by whichever thread is free. */
  search(queries: ReadonlyArray<QueryTerms>, k: number): Promise<ReadonlyArray<Hits>> {
    return new Promise((resolve, reject) => {
      if (this.#failed !== undefined) {
        reject(this.#failed)
        return
      }
      this.#queue.push({ request: { queries, k }, resolve, reject })
      this.#dispatch()
    })
  }

  /** Ends the threads; what is still being searched is rejected. */
  async close(): Promise<void> {
    this.#fail(new Error("The search was closed"))
    await Promise.all(this.#workers.map((worker) => worker.terminate()))
  }

  #dispatch(): void {
    while (this.#idle.length > 0 && this.#queue.length > 0) {
      const worker = this.#idle.pop()
      const waiting = this.#queue.shift()
      if (worker === undefined || waiting === undefined) return
      this.#running.set(worker, waiting)
      worker.postMessage(waiting.request)
    }
  }

  #done(worker: Worker, { ends, docs, scores }: SearchReply): void {
    const hits = Array.from(ends, (end, i): Hits => {
      const from = i === 0 ? 0 : ends[i - 1]!
      return { docs: docs.subarray(from, end), scores: scores.subarray(from, end) }
    })
    this.#running.get(worker)?.resolve(hits)
    this.#running.delete(worker)
    this.#idle.push(worker)
    this.#dispatch()
  }

  #fail(cause: Error): void {
    if (this.#failed !== undefined) return
    this.#failed = cause
    for (const { reject } of [...this.#running.values(), ...this.#queue]) reject(cause)
    this.#queue.length = 0
    this.#running.clear()
  }
}
