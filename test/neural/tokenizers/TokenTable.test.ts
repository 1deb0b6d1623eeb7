import { readFileSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "fast-check"
import { readTokenTable, tokenTableWriter, writeTokensHeader } from "../../../neural/tokenizers/index.ts"
import { temporaryFolder } from "../../support/storedTable.ts"

type Texts = ReadonlyArray<readonly [string, Int32Array]>

/** Writes a table in parts of some texts. */
const written = (texts: Texts, vocabulary: number, part = 3) =>
  Effect.gen(function* () {
    const folder = temporaryFolder("tokens")
    const writer = yield* tokenTableWriter(folder, "passages", vocabulary)
    for (let at = 0; at < texts.length; at += part) yield* writer.append(texts.slice(at, at + part))
    const counts = yield* writer.finish
    yield* writeTokensHeader(folder, vocabulary, { passages: counts })
    return { folder, counts }
  }).pipe(Effect.scoped)

const check = (texts: Texts, vocabulary: number) =>
  Effect.gen(function* () {
    const { folder, counts } = yield* written(texts, vocabulary)
    expect(counts).toEqual({ texts: texts.length, tokens: texts.reduce((sum, [, ids]) => sum + ids.length, 0) })
    const table = yield* readTokenTable(folder, "passages")
    expect(table.texts).toBe(texts.length)
    texts.forEach(([name, ids], at) => {
      expect(table.indexOf(name)).toBe(at)
      expect(table.nameOf(at)).toBe(name)
      expect(table.length(at)).toBe(ids.length)
      expect([...table.ids(at)]).toEqual([...ids])
    })
    expect(table.indexOf("absent")).toBeUndefined()
  })

describe("tables of token ids", () => {
  it.effect.each([65_536, 65_537])(
    "N311 every text comes back by its name and position, of a vocabulary of %i",
    (size) =>
      Effect.promise(() =>
        FastCheck.assert(
          FastCheck.asyncProperty(
            FastCheck.array(FastCheck.array(FastCheck.integer({ min: 0, max: size - 1 }), { maxLength: 9 }), {
              maxLength: 12,
            }),
            (texts) =>
              Effect.runPromise(
                check(
                  texts.map((ids, at) => [`é文${at}`, Int32Array.from(ids)] as const),
                  size,
                ),
              ),
          ),
          { numRuns: 15 },
        ),
      ),
  )

  it.effect("N311 ids have 16 bits where the vocabulary fits them; a text may be longer than the writer's buffer", () =>
    Effect.gen(function* () {
      const long = Int32Array.from({ length: 600_000 }, (_, i) => i % 60_000)
      const texts = [
        ["a", Int32Array.of(1, 2)],
        ["b", long],
        ["c", new Int32Array(0)],
      ] as const
      yield* check(texts, 60_000)
      const narrow = yield* written(texts, 60_000)
      const wide = yield* written(texts, 70_000)
      expect(readFileSync(join(narrow.folder, "passages.ids")).length).toBe(2 * 600_002)
      expect(readFileSync(join(wide.folder, "passages.ids")).length).toBe(4 * 600_002)
    }),
  )

  it.effect("N311 a table that is not whole, or not there, is an error that names the file", () =>
    Effect.gen(function* () {
      const { folder } = yield* written([["a", Int32Array.of(1, 2, 3)]], 100)
      const failure = (table: string) =>
        Effect.map(Effect.flip(readTokenTable(folder, table)), ({ _tag, message }) => `${_tag}: ${message}`)
      expect(yield* failure("queries")).toMatch(/^TokenTableError: .*queries\.ids: reading.*no table queries/)
      truncateSync(join(folder, "passages.ids"), 4)
      expect(yield* failure("passages")).toMatch(/passages\.ids: reading.*1 texts and 3 tokens/)
      writeFileSync(join(folder, "tokens.json"), "{}")
      expect(yield* failure("passages")).toMatch(/^TokenTableError: /)
    }),
  )
})
