import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { Worker } from "node:worker_threads"
import type { ModelSource, NativeOptions, NativeSession } from "./nativeSession.ts"
import type { Tensor, TensorDescription } from "./Tensor.ts"

/** What a thread is asked. A session goes by the number of the request that opened it. */
export type ThreadRequest =
  | { readonly kind: "open"; readonly model: ModelSource; readonly options: NativeOptions }
  | { readonly kind: "run"; readonly session: number; readonly feeds: Readonly<Record<string, Tensor>> }
  | { readonly kind: "close"; readonly session: number }

/** What it answers: what an opened session says of itself, the results of a run. */
export interface ThreadAnswer {
  readonly inputs: readonly TensorDescription[]
  readonly outputs: readonly TensorDescription[]
  readonly results: ReadonlyMap<string, Tensor>
}

export const nothing: ThreadAnswer = { inputs: [], outputs: [], results: new Map() }

/** The answer to the request of that number, or why there is none. */
export type ThreadReply =
  | { readonly id: number; readonly answer: ThreadAnswer }
  | { readonly id: number; readonly why: string }

interface Waiting {
  readonly resolve: (answer: ThreadAnswer) => void
  readonly reject: (cause: Error) => void
}

const threadUrl = new URL("./sessionThread.js", import.meta.url)

/** Whether threads can be started: not where this module was bundled into another without its thread's file. */
export const hasThreads = (): boolean => existsSync(fileURLToPath(threadUrl))

/** The tensors with buffers of their own: a message takes the whole buffer that an array is a part of. */
const alone = (feeds: Readonly<Record<string, Tensor>>): Readonly<Record<string, Tensor>> => {
  const own = (tensor: Tensor): Tensor => {
    const whole = tensor.data.byteLength === tensor.data.buffer.byteLength
    // A spread of a union loses which array belongs to which type; a copy of the same tensor has the same type.
    return whole ? tensor : Object.assign({}, tensor, { data: tensor.data.slice() })
  }
  return Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, own(tensor)]))
}

/**
 * Sessions on the CPU in a thread of their own: their runs block neither this thread nor one another's. What goes in is copied,
 * which is little beside a run; what comes out is handed over.
 */
export class SessionThread {
  readonly #worker = new Worker(threadUrl)
  readonly #waiting = new Map<number, Waiting>()
  #requests = 0
  #ended: Error | undefined

  constructor() {
    this.#worker.on("message", (reply: ThreadReply) => {
      const waiting = this.#waiting.get(reply.id)
      this.#waiting.delete(reply.id)
      if ("why" in reply) waiting?.reject(new Error(reply.why))
      else waiting?.resolve(reply.answer)
    })
    this.#worker.on("error", (cause) => this.#fail(cause instanceof Error ? cause : new Error(String(cause))))
    this.#worker.on("exit", (code) => this.#fail(new Error(`the model's thread ended with code ${code}`)))
  }

  #fail(cause: Error): void {
    this.#ended ??= cause
    for (const { reject } of this.#waiting.values()) reject(this.#ended)
    this.#waiting.clear()
  }

  #ask(request: ThreadRequest): { readonly id: number; readonly answer: Promise<ThreadAnswer> } {
    const id = this.#requests++
    const answer = new Promise<ThreadAnswer>((resolve, reject) => {
      if (this.#ended !== undefined) {
        reject(this.#ended)
        return
      }
      this.#waiting.set(id, { resolve, reject })
      this.#worker.postMessage({ id, request })
    })
    return { id, answer }
  }

  async open(model: ModelSource, options: NativeOptions): Promise<NativeSession> {
    const { answer, id } = this.#ask({ kind: "open", model, options })
    const { inputs, outputs } = await answer
    return {
      inputs,
      outputs,
      run: async (feeds, into) => {
        const { results } = await this.#ask({ kind: "run", session: id, feeds: alone(feeds) }).answer
        return new Map([...results].map(([name, made]) => [name, placed(made, into[name])]))
      },
      close: async () => {
        await this.#ask({ kind: "close", session: id }).answer
      },
    }
  }

  /** Ends the thread, when it has finished what it is at. */
  async close(): Promise<void> {
    await this.#worker.terminate()
  }
}

/** A result in the place that is wanted for it. */
const placed = (made: Tensor, place: Tensor | undefined): Tensor => {
  if (place === undefined) return made
  if (place.data instanceof BigInt64Array) {
    if (made.data instanceof BigInt64Array) place.data.set(made.data)
  } else if (!(made.data instanceof BigInt64Array)) place.data.set(made.data)
  return place
}
