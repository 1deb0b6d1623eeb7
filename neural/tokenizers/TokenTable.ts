import { type FileHandle, open, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { causeText } from "../../schemas/index.ts"

/** Token ids of a text, as wide as the vocabulary needs. */
export type TokenIds = Uint16Array<ArrayBuffer> | Int32Array<ArrayBuffer>

/** A folder of token ids cannot be written or read. */
export class TokenTableError extends Schema.TaggedError<TokenTableError>()("TokenTableError", {
  path: Schema.String,
  during: Schema.Literal("writing", "reading"),
  why: Schema.String,
}) {
  override get message(): string {
    return `${this.path}: ${this.during} token ids failed: ${this.why}`
  }
}

/**
 * The texts of a collection as token ids, each text once, under its name (a qid or docid). In the folder, for each table:
 * `<table>.ids` (the ids of all texts, one after the other, little-endian, 16 or 32 bits), `<table>.starts` (where each text
 * begins, as 64-bit floats, one more than there are texts) and `<table>.names` (a line each); and `tokens.json`.
 */
const TokensHeader = Schema.Struct({
  form: Schema.Literal(1),
  idBits: Schema.Literal(16, 32),
  tables: Schema.Record({
    key: Schema.String,
    value: Schema.Struct({ texts: Schema.NonNegativeInt, tokens: Schema.NonNegativeInt }),
  }),
})

const headerFile = "tokens.json"

const decodeHeader = Schema.decodeUnknownSync(Schema.parseJson(TokensHeader))

/** Ids held before they are written. */
const heldIds = 2 ** 18

/** One table that is being written. */
export interface TokenTableWriter {
  /** Appends texts, in order. */
  readonly append: (texts: Iterable<readonly [name: string, ids: Int32Array]>) => Effect.Effect<void, TokenTableError>
  /** Writes what is left; gives the numbers of texts and tokens. */
  readonly finish: Effect.Effect<{ readonly texts: number; readonly tokens: number }, TokenTableError>
}

/** Opens a table for writing into a folder; closed with the scope. Memory holds the starts, 8 bytes a text, and one buffer. */
export const tokenTableWriter = (
  folder: string,
  table: string,
  vocabularySize: number,
): Effect.Effect<TokenTableWriter, TokenTableError, Scope.Scope> =>
  Effect.gen(function* () {
    const path = join(folder, `${table}.ids`)
    const attempt = <A>(body: () => Promise<A>): Effect.Effect<A, TokenTableError> =>
      Effect.tryPromise({
        try: body,
        catch: (cause) => new TokenTableError({ path, during: "writing", why: causeText(cause) }),
      })
    const opened = (name: string) =>
      Effect.acquireRelease(
        attempt(() => open(join(folder, name), "w")),
        (handle) => Effect.promise(() => handle.close()),
      )
    const idsFile = yield* opened(`${table}.ids`)
    const namesFile = yield* opened(`${table}.names`)
    const buffer = vocabularySize <= 2 ** 16 ? new Uint16Array(heldIds) : new Int32Array(heldIds)
    let held = 0
    let names: Array<string> = []
    const starts: Array<number> = [0]
    let tokens = 0
    const flush = async (): Promise<void> => {
      await writeAll(idsFile, new Uint8Array(buffer.buffer, 0, held * buffer.BYTES_PER_ELEMENT))
      held = 0
      if (names.length > 0) await namesFile.appendFile(`${names.join("\n")}\n`)
      names = []
    }
    return {
      append: (texts) =>
        attempt(async () => {
          for (const [name, ids] of texts) {
            for (let at = 0; at < ids.length; ) {
              const room = Math.min(ids.length - at, buffer.length - held)
              buffer.set(ids.subarray(at, at + room), held)
              held += room
              at += room
              if (held === buffer.length) await flush()
            }
            tokens += ids.length
            starts.push(tokens)
            names.push(name)
          }
        }),
      finish: attempt(async () => {
        await flush()
        const bytes = Float64Array.from(starts)
        await writeFile(join(folder, `${table}.starts`), new Uint8Array(bytes.buffer))
        return { texts: starts.length - 1, tokens }
      }),
    }
  })

const asBytes = (numbers: Float64Array): Uint8Array =>
  new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)

const writeAll = async (handle: FileHandle, bytes: Uint8Array): Promise<void> => {
  for (let done = 0; done < bytes.length; ) done += (await handle.write(bytes, done)).bytesWritten
}

/** Writes `tokens.json`, which says what the tables beside it hold. */
export const writeTokensHeader = (
  folder: string,
  vocabularySize: number,
  tables: Readonly<Record<string, { readonly texts: number; readonly tokens: number }>>,
): Effect.Effect<void, TokenTableError> => {
  const path = join(folder, headerFile)
  const header = { form: 1, idBits: vocabularySize <= 2 ** 16 ? 16 : 32, tables }
  return Effect.tryPromise({
    try: () => writeFile(path, `${JSON.stringify(header)}\n`),
    catch: (cause) => new TokenTableError({ path, during: "writing", why: causeText(cause) }),
  })
}

/** Bytes that are copied at once. */
const copyAtOnce = 2 ** 22

/** Appends a file to an open one. */
const appendFrom = async (path: string, to: FileHandle, buffer: Uint8Array): Promise<void> => {
  const from = await open(path, "r")
  try {
    for (;;) {
      const { bytesRead } = await from.read(buffer, 0, buffer.length, null)
      if (bytesRead === 0) return
      await writeAll(to, buffer.subarray(0, bytesRead))
    }
  } finally {
    await from.close()
  }
}

/** Writes the texts of folders' tables, one folder behind another, as one folder. Memory holds a table's starts. */
export const joinTokenTables = (folders: ReadonlyArray<string>, into: string): Effect.Effect<void, TokenTableError> =>
  Effect.gen(function* () {
    const joining = <A>(path: string, body: () => Promise<A>) =>
      Effect.tryPromise({
        try: body,
        catch: (cause) => new TokenTableError({ path, during: "reading", why: causeText(cause) }),
      })
    const headers = yield* Effect.forEach(folders, (folder) =>
      joining(join(folder, headerFile), async () => decodeHeader(await readFile(join(folder, headerFile), "utf8"))),
    )
    const buffer = new Uint8Array(copyAtOnce)
    const counts = new Map<string, { texts: number; tokens: number }>()
    for (const table of Object.keys(headers[0]?.tables ?? {})) {
      const total = { texts: 0, tokens: 0 }
      const path = join(into, `${table}.ids`)
      yield* joining(path, async () => {
        const [ids, names, starts] = await Promise.all(
          ["ids", "names", "starts"].map((file) => open(join(into, `${table}.${file}`), "w")),
        )
        try {
          if (ids === undefined || names === undefined || starts === undefined) return
          await writeAll(starts, asBytes(Float64Array.of(0)))
          for (const [at, folder] of folders.entries()) {
            await appendFrom(join(folder, `${table}.ids`), ids, buffer)
            await appendFrom(join(folder, `${table}.names`), names, buffer)
            const own = new Float64Array(await readWhole(join(folder, `${table}.starts`)))
            const before = total.tokens
            await writeAll(starts, asBytes(own.subarray(1).map((start) => start + before)))
            const { texts, tokens } = headers[at]?.tables[table] ?? { texts: 0, tokens: 0 }
            if (own.length !== texts + 1) throw new Error(`${folder} does not have ${texts} texts in ${table}.starts`)
            total.texts += texts
            total.tokens += tokens
          }
        } finally {
          for (const file of [ids, names, starts]) await file?.close()
        }
      })
      counts.set(table, total)
    }
    const header = { form: 1, idBits: headers[0]?.idBits ?? 32, tables: Object.fromEntries(counts) }
    yield* joining(join(into, headerFile), () => writeFile(join(into, headerFile), `${JSON.stringify(header)}\n`))
  })

/** A table of token ids in memory. Texts are known by their position. */
export interface TokenTable {
  readonly texts: number
  /** The position of a text, by its name. */
  readonly indexOf: (name: string) => number | undefined
  readonly nameOf: (text: number) => string
  /** Tokens of a text. */
  readonly length: (text: number) => number
  /** The ids of a text: a view, not a copy. */
  readonly ids: (text: number) => TokenIds
}

/** Node reads at most 2 GiB − 1 in one call. */
const readAtMost = 2 ** 30

const readWhole = async (path: string): Promise<ArrayBuffer> => {
  const handle = await open(path, "r")
  try {
    const bytes = new Uint8Array((await handle.stat()).size)
    for (let done = 0; done < bytes.length; ) {
      const { bytesRead } = await handle.read(bytes, done, Math.min(readAtMost, bytes.length - done), done)
      if (bytesRead === 0) throw new Error(`${path} ends at byte ${done}`)
      done += bytesRead
    }
    return bytes.buffer
  } finally {
    await handle.close()
  }
}

/** The names of a table's texts, in their order. */
export const readTokenNames = (
  folder: string,
  table: string,
): Effect.Effect<ReadonlyArray<string>, TokenTableError> => {
  const path = join(folder, `${table}.names`)
  return Effect.tryPromise({
    try: () => namesIn(path),
    catch: (cause) => new TokenTableError({ path, during: "reading", why: causeText(cause) }),
  })
}

const namesIn = async (path: string): Promise<ReadonlyArray<string>> => {
  const names = new TextDecoder().decode(await readWhole(path)).split("\n")
  names.pop()
  return names
}

/** Reads a table of a folder into memory. */
export const readTokenTable = (folder: string, table: string): Effect.Effect<TokenTable, TokenTableError> => {
  const path = join(folder, `${table}.ids`)
  return Effect.tryPromise({
    try: async () => {
      const text = await readFile(join(folder, headerFile), "utf8")
      const header = decodeHeader(text)
      const stated = header.tables[table]
      if (stated === undefined) throw new Error(`there is no table ${table}`)
      const bytes = await readWhole(path)
      const all = header.idBits === 16 ? new Uint16Array(bytes) : new Int32Array(bytes)
      const starts = new Float64Array(await readWhole(join(folder, `${table}.starts`)))
      const names = await namesIn(join(folder, `${table}.names`))
      if (names.length !== stated.texts || starts.length !== stated.texts + 1 || all.length !== stated.tokens) {
        throw new Error(`its parts do not have ${stated.texts} texts and ${stated.tokens} tokens`)
      }
      const positions = new Map(names.map((name, position) => [name, position]))
      const startOf = (position: number): number => starts[position] ?? stated.tokens
      return {
        texts: stated.texts,
        indexOf: (name) => positions.get(name),
        nameOf: (position) => names[position] ?? "",
        length: (position) => startOf(position + 1) - startOf(position),
        ids: (position) => all.subarray(startOf(position), startOf(position + 1)),
      } satisfies TokenTable
    },
    catch: (cause) => new TokenTableError({ path, during: "reading", why: causeText(cause) }),
  })
}
