/** A thread of a `SessionThread`: opens, runs and closes sessions as it is told. */
import { parentPort } from "node:worker_threads"
import { causeText } from "../../schemas/causeText.ts"
import { loadLibrary, type NativeSession, openNative } from "./nativeSession.ts"
import { nothing, type ThreadAnswer, type ThreadReply, type ThreadRequest } from "./SessionThread.ts"

const library = loadLibrary()
const sessions = new Map<number, NativeSession>()

const answer = async (id: number, request: ThreadRequest): Promise<ThreadAnswer> => {
  switch (request.kind) {
    case "open": {
      const session = await openNative(await library, request.model, "cpu", request.options)
      sessions.set(id, session)
      return { ...nothing, inputs: session.inputs, outputs: session.outputs }
    }
    case "run": {
      const results = await sessions.get(request.session)?.run(request.feeds, {})
      return { ...nothing, results: results ?? nothing.results }
    }
    case "close":
      await sessions.get(request.session)?.close()
      sessions.delete(request.session)
      return nothing
  }
}

parentPort?.on("message", ({ id, request }: { readonly id: number; readonly request: ThreadRequest }) => {
  const reply = (given: ThreadReply, made: readonly ArrayBuffer[] = []): void => parentPort?.postMessage(given, made)
  answer(id, request).then(
    (given) =>
      reply(
        { id, answer: given },
        [...given.results.values()].flatMap(({ data: { buffer } }) => (buffer instanceof ArrayBuffer ? [buffer] : [])),
      ),
    (cause: unknown) => reply({ id, why: causeText(cause) }),
  )
})
