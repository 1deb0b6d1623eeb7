import * as Schema from "effect/Schema"

/** Something that a module from outside brought, and what it came from. */
export interface BroughtBy<D> {
  readonly definition: D
  /** The hash of its code, which is part of the key of what it makes. */
  readonly digest: string
  /** The module's path, for errors. */
  readonly file: string
}

/** What modules from outside brought of one sort, by name. */
export class BroughtOnes<D extends { readonly name: string }> {
  readonly #byName = new Map<string, BroughtBy<D>>()

  /** Adds one, in the place of an earlier one of its name. */
  bring(each: BroughtBy<D>): void {
    this.#byName.set(each.definition.name, each)
  }

  named(name: string): BroughtBy<D> | undefined {
    return this.#byName.get(name)
  }

  /** In the order in which they came. */
  all(): ReadonlyArray<BroughtBy<D>> {
    return [...this.#byName.values()]
  }
}

/** The settings of something from outside, their types forgotten; `settings` left out, there is nothing to set. */
export const settingsCodec = (settings: Schema.Schema<unknown> | undefined) =>
  settings === undefined
    ? { settings: Schema.Struct({}), decode: () => ({}), encode: () => ({}) }
    : { settings, decode: Schema.decodeUnknownSync(settings), encode: Schema.encodeUnknownSync(settings) }

/** What a module from outside brought failed, or gave what cannot be used. */
export class OutsideFailed extends Schema.TaggedError<OutsideFailed>()("OutsideFailed", {
  system: Schema.String,
  /** The module that brought it. */
  file: Schema.String,
  /** Empty where it was not yet asked. */
  qid: Schema.String,
  problem: Schema.String,
}) {
  override get message(): string {
    const where = this.file === "" ? this.system : `${this.file}: ${this.system}`
    return `${where}: ${this.qid === "" ? "" : `query ${this.qid}: `}${this.problem}`
  }

  /** Of a system that no module brought. */
  static unknown(system: string): OutsideFailed {
    return new OutsideFailed({ system, file: "", qid: "", problem: "no module that was loaded brings it" })
  }

  /** Of one that threw. */
  static thrown(system: string, file: string, qid: string, cause: unknown): OutsideFailed {
    const problem = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
    return new OutsideFailed({ system, file, qid, problem })
  }
}
