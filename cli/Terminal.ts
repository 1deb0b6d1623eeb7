import * as Effect from "effect/Effect"

const write = (stream: NodeJS.WriteStream, text: string): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    stream.write(text, () => resume(Effect.void))
  })

/** Writes to standard output and waits until it is taken, so that a long export does not pile up in memory. */
export const writeOut = (text: string): Effect.Effect<void> => write(process.stdout, text)

/** Writes to standard error. */
export const writeError = (text: string): Effect.Effect<void> => write(process.stderr, text)
