import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/** A sequence of our own that a terminal obeys: a colour, or moving up to redraw. Everything else that is printed is text. */
export class Control {
  readonly sequence: string
  constructor(sequence: string) {
    this.sequence = sequence
  }
}

/** What is said, and between it what a terminal is to do. */
export type Styled = string | ReadonlyArray<string | Control>

// C0 but for the end of a line and the tabulator, DEL, C1, and what turns the direction of text or ends a line elsewhere.
const obeyed =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not pass
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** A control character as one that is seen: `␛`, `␍`, `␡`, and � where Unicode has no picture of it. */
const picture = (character: string): string => {
  const code = character.charCodeAt(0)
  return code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? "\u2421" : "\ufffd"
}

/** A text that a terminal shows and does not obey, character for character as long: whatever stood in files, names and arguments. */
export const printable = (text: string): string => text.replace(obeyed, picture)

/** A value as JSON that a terminal shows and does not obey: what it would obey is escaped, so that programs read the same value. */
export const jsonText = (value: unknown, indent?: number): string =>
  (JSON.stringify(value, undefined, indent) ?? "null").replace(
    obeyed,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  )

/** The one way from what is said to what a terminal gets: texts are made printable, our own sequences pass. */
export const rendered = (said: Styled): string =>
  typeof said === "string"
    ? printable(said)
    : said.map((part) => (typeof part === "string" ? printable(part) : part.sequence)).join("")

/** Nobody reads any more: the reader of a pipe has ended, or the terminal was closed. It ends the program as it ends others, without a word. */
export class OutputClosed extends Schema.TaggedError<OutputClosed>()("OutputClosed", {
  stream: Schema.Literal("stdout", "stderr"),
  of: Schema.Literal("pipe", "terminal"),
}) {
  override get message(): string {
    return `nobody reads ${this.stream} any more`
  }
}

/** Standard output did not take what was printed. */
export class OutputFailed extends Schema.TaggedError<OutputFailed>()("OutputFailed", { why: Schema.String }) {
  override get message(): string {
    return `Standard output cannot be written to: ${this.why}. What was printed is not whole.`
  }
}

type StreamName = "stdout" | "stderr"

const codeOf = (error: Error): string => ("code" in error ? String(error.code) : "")

const closedBy = (stream: StreamName, error: Error): OutputClosed | undefined => {
  switch (codeOf(error)) {
    case "EPIPE":
    case "ECONNRESET":
    case "ERR_STREAM_DESTROYED":
      return new OutputClosed({ stream, of: "pipe" })
    case "EIO":
      return new OutputClosed({ stream, of: "terminal" })
    default:
      return undefined
  }
}

/**
 * Never succeeds; fails when the reader of standard output or error is gone. Other failures of standard error, such as a full
 * disk under a log, are not worth a run; those of standard output are told by what was writing.
 */
export const outputClosed: Effect.Effect<never, OutputClosed> = Effect.async((resume) => {
  const listening = (["stdout", "stderr"] as const).map((name) => {
    const listener = (error: Error): void => {
      const closed = closedBy(name, error)
      if (closed !== undefined) resume(Effect.fail(closed))
    }
    process[name].on("error", listener)
    return { name, listener }
  })
  return Effect.sync(() => {
    // What fails while the program ends has nobody to be told to.
    for (const { name, listener } of listening) process[name].on("error", () => {}).off("error", listener)
  })
})

const write = (text: string): Effect.Effect<void, OutputClosed | OutputFailed> =>
  Effect.async((resume) => {
    process.stdout.write(text, (error) => {
      if (error === null || error === undefined) return resume(Effect.void)
      resume(Effect.fail(closedBy("stdout", error) ?? new OutputFailed({ why: error.message })))
    })
  })

/** Prints for people on standard output, and waits until it is taken, so that a long table does not pile up in memory. */
export const writeOut = (said: Styled): Effect.Effect<void, OutputClosed | OutputFailed> => write(rendered(said))

/** Prints for programs: exact, byte for byte, to a pipe or a file; what goes to a terminal is read by people. */
export const writeData = (text: string): Effect.Effect<void, OutputClosed | OutputFailed> =>
  write(process.stdout.isTTY ? printable(text) : text)

/** Prints on standard error. It does not fail: that its reader is gone is told by `outputClosed`. */
export const writeError = (said: Styled): Effect.Effect<void> =>
  Effect.async((resume) => {
    process.stderr.write(rendered(said), () => resume(Effect.void))
  })

/** Where a display writes: standard error, or a test's collector. */
export interface TerminalOutput {
  readonly write: (said: Styled) => unknown
  readonly isTTY?: boolean
  /** Characters of a line; a terminal that does not know its width says 0. */
  readonly columns?: number
}

/** Standard error, for what is shown as it happens. */
export const errorOutput: TerminalOutput = {
  write: (said) => process.stderr.write(rendered(said)),
  get isTTY() {
    return process.stderr.isTTY
  },
  get columns() {
    return process.stderr.columns
  },
}

/** A line's length where no terminal says one. */
const plainWidth = 140

/** What standard output is: its line's length, and whether it shows colours. */
export const outputShape = (): { readonly width: number; readonly colour: boolean } => {
  const { isTTY, columns } = process.stdout
  return { width: isTTY && columns > 0 ? columns : plainWidth, colour: isTTY }
}

/** How wide a table may be: as the terminal, and as it likes where it is not read in one. */
export const tableWidth = (): number =>
  process.stdout.isTTY && process.stdout.columns > 0 ? process.stdout.columns : Number.POSITIVE_INFINITY
