import { randomUUID } from "node:crypto"
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { makeFolders } from "../../schemas/index.ts"
import { isTrusted, type Stamp, stampOf } from "./FingerprintStamp.ts"

const HintsFile = Schema.Struct({
  schema: Schema.Literal(1),
  hints: Schema.Record({
    key: Schema.String,
    value: Schema.Struct({
      files: Schema.Record({ key: Schema.String, value: Schema.String }),
      value: Schema.Unknown,
    }),
  }),
})

/** A remembered value. */
export interface Hint {
  /** Absolute paths of all files that the value is a function of, and of those whose absence it depends on. */
  readonly files: Readonly<Record<string, Stamp>>
  readonly value: unknown
}

const decodeHints = Schema.decodeUnknownEither(Schema.parseJson(HintsFile))

const readHints = (file: string): Map<string, Hint> => {
  try {
    return new Map(
      Either.match(decodeHints(readFileSync(file, "utf8")), {
        onLeft: () => [],
        onRight: ({ hints }) => Object.entries(hints),
      }),
    )
  } catch {
    return new Map()
  }
}

/**
 * What was computed from files, remembered with their stamps, so that unchanged files are not read again. A hints file that is
 * missing, damaged or of another form is as good as an empty one; one that cannot be written is not missed.
 */
export class FingerprintHints {
  private readonly file: string | undefined
  private readonly readOnly: boolean
  private readonly hints: Map<string, Hint>
  private readonly written = new Map<string, Hint>()

  /**
   * @param file absolute path; `undefined` remembers for this process only.
   * @param readOnly whether `save` leaves the file as it is.
   */
  constructor(file: string | undefined, readOnly: boolean) {
    this.file = file
    this.readOnly = readOnly
    this.hints = file === undefined ? new Map<string, Hint>() : readHints(file)
  }

  /** What was remembered under `name`, if every file it depends on is as it was. */
  get(name: string): Hint | undefined {
    const hint = this.hints.get(name)
    const same = hint !== undefined && Object.entries(hint.files).every(([path, stamp]) => stampOf(path) === stamp)
    return same ? hint : undefined
  }

  /**
   * Remembers a value, unless a file it depends on changed since it was stamped or is too young to rely on its stamp.
   *
   * @param files stamps taken before the files were read.
   * @param at when the first was taken, in milliseconds since 1970.
   * @returns whether it is remembered.
   */
  set(name: string, files: ReadonlyMap<string, Stamp>, at: number, value: unknown): boolean {
    for (const [path, stamp] of files) {
      if (!isTrusted(stamp, at) || stampOf(path) !== stamp) {
        this.hints.delete(name)
        this.written.delete(name)
        return false
      }
    }
    const hint = { files: Object.fromEntries(files), value }
    this.hints.set(name, hint)
    this.written.set(name, hint)
    return true
  }

  /** Writes what was learnt, whole or not at all, beside what other processes have written since. */
  save(): void {
    if (this.file === undefined || this.readOnly || this.written.size === 0) return
    // In the store's work area, where the next run finds what a killed one left.
    const temporary = join(dirname(this.file), "tmp", `hints-${randomUUID()}.json`)
    try {
      makeFolders(dirname(temporary))
      const hints = Object.fromEntries([...readHints(this.file), ...this.written])
      writeFileSync(temporary, JSON.stringify({ schema: 1, hints }))
      renameSync(temporary, this.file)
      this.written.clear()
    } catch {
      // A hint saves time; a store on a read-only or full disk reports that itself when it has something to keep.
      try {
        rmSync(temporary, { force: true })
      } catch {
        // The folder is not even one.
      }
    }
  }
}
