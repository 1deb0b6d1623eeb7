import { type ChildProcessByStdio, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import type { Readable, Writable } from "node:stream"
import * as Schema from "effect/Schema"

const Answer = Schema.parseJson(Schema.Struct({ seconds: Schema.Number, scores: Schema.Array(Schema.Number) }))

/** A process that answers requests, one at a time: a line with the range of pairs and the budget, and a line back. */
export class Server {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #answers: AsyncIterator<string>
  readonly ready: Promise<string>

  constructor(command: string, args: readonly string[]) {
    this.#child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] })
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
    this.ready = this.#line()
  }

  async #line(): Promise<string> {
    const { done, value } = await this.#answers.next()
    if (done === true) throw new Error(`${this.#child.spawnargs.slice(0, 4).join(" ")} … ended`)
    return value
  }

  async ask(begin: number, end: number, budget: number): Promise<typeof Answer.Type> {
    this.#child.stdin.write(`${begin} ${end} ${budget}\n`)
    return Schema.decodeSync(Answer)(await this.#line())
  }

  /** Resolves when the process is gone: what comes after has the machine to itself. */
  close(): Promise<void> {
    const gone = new Promise<void>((resolve) => this.#child.once("exit", () => resolve()))
    this.#child.stdin.end()
    return gone
  }
}
