import { execFile } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import * as fc from "fast-check"
import { afterAll, describe, expect, it, vi } from "vitest"
import { Control, jsonText, printable, rendered } from "../../cli/Terminal.ts"
import { dag, writeTinyCollection } from "../support/commandLine.ts"

const root = join(import.meta.dirname, "../..")
const scratch = mkdtempSync(join(tmpdir(), "rankdag-terminal-"))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
vi.setConfig({ testTimeout: 120_000 })

/** What a terminal obeys, by the standards' numbers: C0 and DEL (ECMA-6), C1 (ECMA-48), Unicode's bidirectional controls (UAX 9). */
const obeyedBy = (code: number): boolean =>
  (code < 0x20 && code !== 0x0a && code !== 0x09) ||
  (code >= 0x7f && code <= 0x9f) ||
  [0x061c, 0x200e, 0x200f].includes(code) ||
  (code >= 0x202a && code <= 0x202e) ||
  (code >= 0x2066 && code <= 0x2069)

const obeyed = (text: string): ReadonlyArray<string> =>
  [...text].filter((character) => obeyedBy(character.codePointAt(0) ?? 0))

const anyText = fc.string({ unit: "binary" })
const hostile = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 0x9f }), fc.constantFrom(0x202e, 0x2066, 0x200f, 0x2028, 0xfeff)), {
    maxLength: 40,
  })
  .map((codes) => String.fromCodePoint(...codes))

describe("what is printed", () => {
  it("L54 no character of a text controls a terminal; what is harmless stays, and widths too", () => {
    fc.assert(
      fc.property(fc.oneof(anyText, hostile), (text) => {
        const shown = printable(text)
        expect(obeyed(shown)).toEqual([])
        expect(shown.length).toBe(text.length)
        expect(printable(shown)).toBe(shown)
        for (let at = 0; at < text.length; at++) {
          const code = text.charCodeAt(at)
          if (!obeyedBy(code) && code !== 0x2028 && code !== 0x2029) expect(shown[at]).toBe(text[at])
        }
      }),
    )
    for (let code = 0; code < 0x10000; code++) expect(obeyed(printable(String.fromCharCode(code)))).toEqual([])
    expect(printable("a\u001b]0;x\u0007\r\u007f\u009b31m\u202eb")).toBe("a␛]0;x␇␍␡�31m�b")
  })

  it("L54 our own colours pass, those of a text do not", () => {
    const said = [new Control("\u001b[1m"), "\u001b[31mred", new Control("\u001b[0m"), "\n"]
    expect(rendered(said)).toBe("\u001b[1m␛[31mred\u001b[0m\n")
  })

  it("L54 JSON says the same value with what a terminal would obey escaped", () => {
    fc.assert(
      fc.property(fc.dictionary(hostile, fc.oneof(anyText, hostile)), (value) => {
        const text = jsonText(value, 1)
        expect(obeyed(text)).toEqual([])
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })

  it("L54 everything that is printed goes one way", () => {
    const files = ["dag.ts", "experiment.ts", "sweep.ts", "training.ts"].concat(
      ["cli", "stages", "pipeline", "neural", "measures", "schemas"].flatMap((folder) =>
        readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)),
      ),
    )
    const printing = files
      .filter(
        (file) =>
          file.endsWith(".ts") && !file.endsWith(".browser.ts") && !file.startsWith(join("stages", "report", "page")),
      )
      .filter((file) =>
        /process\.(?:stdout|stderr)|process\[|\bconsole\.(?:log|error|warn|info|debug)/.test(
          readFileSync(join(root, file), "utf8"),
        ),
      )
    expect(printing).toEqual([join("cli", "Terminal.ts")])
  })

  it("L54 in a terminal, ids and texts of a hostile collection do nothing; in a pipe csv, tsv and runs have them exactly", async () => {
    // Identifiers with C0, DEL or C1 are refused.
    const [evil, turned] = ["\u001b[31m\u0007\u009b2J\u202e", "\u202e"]
    const collection = join(scratch, "tiny")
    writeTinyCollection(collection)
    for (const file of ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv", "qrels/dev.tsv"]) {
      const path = join(collection, file)
      const text = readFileSync(path, "utf8")
      const json = JSON.stringify(evil).slice(1, -1)
      writeFileSync(
        path,
        file.endsWith("tsv")
          ? text.replaceAll(/\b([qd]\d)\b/g, `$1${turned}`)
          : text.replaceAll(/"([qd]\d)"/g, `"$1${turned}"`).replaceAll(/(garden|tower)/g, `$1 ${json} `),
      )
    }
    const at = ["--artifacts", join(scratch, "store")]
    const made = await dag("--dataset", collection, ...at, "--log", "plain")
    expect(made.code, made.err).toBe(0)
    expect(obeyed(made.err + made.out)).toEqual([])

    const csv = await dag("sql", "select qid, text from queries order by qid", "--format", "csv", ...at)
    expect(csv.out).toContain(`q2${turned},`)
    expect(csv.out).toContain(evil)
    const run = await dag("export", "run", "--system", "bm25", ...at)
    expect(run.out).toContain(`q1${turned} Q0 d1${turned} 1 `)
    for (const format of ["table", "markdown"]) {
      expect(obeyed((await dag("sql", "from queries", "--format", format, ...at)).out)).toEqual([])
    }

    const script = "/usr/bin/script"
    if (!existsSync(script)) return console.warn("no terminal: script of util-linux is not installed")
    const quoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`
    const inTerminal = async (...words: ReadonlyArray<string>): Promise<string> => {
      const line = [process.execPath, "node_modules/tsx/dist/cli.mjs", "dag.ts", ...words, ...at].map(quoted).join(" ")
      const { stdout } = await promisify(execFile)(script, ["-qec", `stty cols 80; ${line}`, "/dev/null"], {
        cwd: root,
      })
      // What is ours: colours, and moving up to redraw.
      return stdout.replaceAll(/\u001b\[(?:[0-9;]*m|\d+A|0J)/g, "").replaceAll("\r\n", "\n")
    }
    for (const format of ["table", "csv", "tsv", "json"]) {
      expect(obeyed(await inTerminal("sql", "from queries", "--format", format))).toEqual([])
    }
    const shown = await inTerminal("show", "--qid", `q2${turned}`)
    expect(shown).toContain("quiet garden")
    expect(obeyed(shown.replaceAll("\u001b", ""))).toEqual([])
    expect(obeyed(await inTerminal("export", "run", "--system", "bm25"))).toEqual([])
    expect(
      obeyed(
        await inTerminal("show", "--qid", `q2${turned}x`).catch((error: { stdout: string }) =>
          error.stdout.replaceAll("\r\n", "\n"),
        ),
      ),
    ).toEqual([])
  })
})
