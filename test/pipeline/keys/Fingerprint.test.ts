import { execFileSync } from "node:child_process"
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { build } from "esbuild"
import * as fc from "fast-check"
import ts from "typescript"
import { afterEach, describe, expect, it } from "vitest"
import { Fingerprint, type FingerprintOptions, layerFingerprint } from "../../../pipeline/keys/Fingerprint.ts"
import { followCode, stopFollowing } from "../../../pipeline/keys/FingerprintCode.ts"
import { stampOf } from "../../../pipeline/keys/FingerprintStamp.ts"
import type { AnyStage, NativeLibrary } from "../../../pipeline/plan/Stage.ts"
import { DuckDb, layerDuckDb } from "../../../pipeline/tables/DuckDb.ts"

const here = fileURLToPath(new URL("../../..", import.meta.url))
const folders: Array<string> = []

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

const write = (root: string, files: Readonly<Record<string, string>>): void => {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
}

/** A project of the given files in a folder of its own. */
const project = (files: Readonly<Record<string, string>>): string => {
  const root = mkdtempSync(join(tmpdir(), "rankdag-fingerprint-"))
  folders.push(root)
  write(root, { "package.json": '{ "name": "fixture", "type": "module", "sideEffects": false }', ...files })
  return root
}

/** Makes files old enough that their stamps are relied on. The time of the inode's change stays: it is waited for. */
const age = async (root: string): Promise<void> => {
  for (const file of readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (file.isFile()) utimesSync(join(file.parentPath, file.name), 1_000_000, 1_000_000)
  }
  await new Promise((done) => setTimeout(done, 2100))
}

const stage = (code: string, native: ReadonlyArray<NativeLibrary> = []): AnyStage => ({
  name: code.split("/").at(-1) ?? code,
  inputs: {},
  outputs: {},
  code,
  version: 1,
  native,
  resumable: false,
  provenance: false,
  determinism: "deterministic",
})

const noDuckDb = Layer.succeed(DuckDb, {
  connect: Effect.die("DuckDB was asked for a connection"),
  version: Effect.die("DuckDB was loaded"),
})

const run = <A, E>(
  options: FingerprintOptions,
  use: (fingerprint: Fingerprint["Type"]) => Effect.Effect<A, E, DuckDb>,
  duckDb: Layer.Layer<DuckDb> = noDuckDb,
): Promise<A> =>
  Effect.runPromise(
    Effect.flatMap(Fingerprint, use).pipe(Effect.provide(layerFingerprint(options)), Effect.provide(duckDb)),
  )

const fingerprintOf = (root: string, code: string) =>
  run({ projectRoot: root }, ({ stage: of }) => of(stage(code)), layerDuckDb())

const digestOf = async (root: string, code: string): Promise<string> => (await fingerprintOf(root, code)).code.digest

const failureOf = async (root: string, code: string): Promise<unknown> => {
  const exit = await Effect.runPromiseExit(
    Effect.flatMap(Fingerprint, ({ stage: of }) => of(stage(code))).pipe(
      Effect.provide(layerFingerprint({ projectRoot: root })),
      Effect.provide(noDuckDb),
    ),
  )
  return Exit.isFailure(exit) ? Option.getOrUndefined(Cause.failureOption(exit.cause)) : undefined
}

const retrieval = {
  "stages/retrieve/search.ts": `
    import { topK, type Hit } from "./TopK.ts"
    import type { Query } from "./Query.ts"
    export const run = (query: Query): ReadonlyArray<Hit> => topK(query.scores, 3)`,
  "stages/retrieve/TopK.ts": `
    import { compare } from "../../pipeline/order.ts"
    export interface Hit { readonly docid: string; readonly score: number }
    export const topK = (scores: ReadonlyArray<Hit>, k: number): ReadonlyArray<Hit> =>
      [...scores].sort((left, right) => right.score - left.score || compare(right.docid, left.docid)).slice(0, k)
    export const unusedHere = () => "not kept"`,
  "stages/retrieve/Query.ts": `
    import type { Hit } from "./TopK.ts"
    export interface Query { readonly scores: ReadonlyArray<Hit> }`,
  "pipeline/order.ts": `
    export const compare = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0)
    export const reverse = (left: string, right: string): number => compare(right, left)`,
  "stages/evaluate/measure.ts": `
    import { reverse } from "../../pipeline/order.ts"
    export const run = (names: Array<string>) => names.sort(reverse)`,
  "stages/report/page.ts": `export const run = () => "<html>"`,
}

const replaced = (name: keyof typeof retrieval, from: string, to: string): Record<string, string> => {
  expect(retrieval[name]).toContain(from)
  return { ...retrieval, [name]: retrieval[name].replaceAll(from, to) }
}

describe("the code part of a key", () => {
  it("K8 comments, formatting, types and names of locals are no-ops", async () => {
    const digest = await digestOf(project(retrieval), "stages/retrieve/search.ts")
    const same = [
      replaced(
        "stages/retrieve/TopK.ts",
        "export const topK",
        "/** The best k. */\n// Ties: docid.\nexport const topK",
      ),
      replaced("stages/retrieve/TopK.ts", "\n", "\n\n    "),
      replaced("stages/retrieve/TopK.ts", "left", "aVeryMuchLongerName"),
      replaced("stages/retrieve/search.ts", '"', "'"),
      replaced("stages/retrieve/search.ts", "query: Query", "query: Query & { readonly more?: Map<string, number> }"),
      replaced("stages/retrieve/Query.ts", "readonly scores", "/* changed */ readonly more?: number; readonly scores"),
      replaced("stages/retrieve/TopK.ts", "not kept", "still not kept"),
    ]
    for (const files of same) expect(await digestOf(project(files), "stages/retrieve/search.ts")).toBe(digest)
    const renamed = Object.fromEntries(
      Object.entries(retrieval).map(([name, text]) => [name, text.replaceAll("Hit", "ScoredPassageZZZZZZ")]),
    )
    expect(await digestOf(project(renamed), "stages/retrieve/search.ts")).toBe(digest)
  })

  it("K8 real modules printed anew by TypeScript, without comments, have the same digest", async () => {
    const names = [
      "pipeline/keys/KeyDocument.ts",
      "pipeline/plan/Stage.ts",
      ...readdirSync(join(here, "pipeline/tables")).map((file) => `pipeline/tables/${file}`),
    ]
    const schemas = readFileSync(join(here, "schemas/index.ts"), "utf8").matchAll(/"\.\/(\w+\.ts)"/g)
    const files = [...names, "schemas/index.ts", ...[...schemas].map((match) => `schemas/${match[1] ?? ""}`)]
    const copy = project({})
    symlinkSync(join(here, "node_modules"), join(copy, "node_modules"))
    const printed = project({})
    symlinkSync(join(here, "node_modules"), join(printed, "node_modules"))
    const printer = ts.createPrinter({ removeComments: true, newLine: ts.NewLineKind.CarriageReturnLineFeed })
    for (const file of files) {
      const text = readFileSync(join(here, file), "utf8")
      const parsed = ts.createSourceFile(file, text, ts.ScriptTarget.Latest)
      write(copy, { [file]: text })
      write(printed, { [file]: printer.printFile(parsed).replaceAll("Difference", "Diff2") })
    }
    for (const name of ["pipeline/tables/Table.ts", "pipeline/plan/Stage.ts"]) {
      expect(readFileSync(join(printed, name), "utf8")).not.toBe(readFileSync(join(copy, name), "utf8"))
      expect(await fingerprintOf(printed, name)).toEqual(await fingerprintOf(copy, name))
      expect(await fingerprintOf(here, name)).toEqual(await fingerprintOf(copy, name))
    }
  })

  it("K8 whatever locals are called, and however types are worded", async () => {
    const word = fc.string({ unit: fc.constantFrom(..."abcdefgxyzABCXYZ019_"), minLength: 1, maxLength: 12 })
    const source = (locals: ReadonlyArray<string>, type: string) => {
      const [a, b, c, d, e] = locals.map((local) => `v${local}`)
      return `
        type T${type} = { readonly alpha: number; readonly ${type || "x"}?: T${type} }
        const ${a} = (${b}: T${type}, ${c}: number): number => {
          let ${d} = 0
          for (let ${e} = 0; ${e} < ${c}; ${e}++) ${d} += ${b}.alpha * ${e}
          return ${d}
        }
        const twice = (${e}: (${c}: T${type}, ${a}: number) => number) => (${b}: T${type}) => ${e}(${b}, 1) + ${e}(${b}, 2)
        export const run = twice(${a})`
    }
    const digest = await digestOf(project({ "run.ts": source(["a", "b", "c", "d", "e"], "X") }), "run.ts")
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(word, { minLength: 5, maxLength: 5 }), word, async (locals, type) => {
        const safe = /^[a-zA-Z]/.test(type) ? type : `X${type}`
        expect(await digestOf(project({ "run.ts": source(locals, safe) }), "run.ts")).toBe(digest)
      }),
      { numRuns: 40 },
    )
  })

  it("K9 whatever else is changed is a change: strings, numbers, properties, globals, operators, order", async () => {
    const source = (part: Readonly<Record<string, string>>) => `
      import { text, ${part["imported"] ?? "first"} as imported } from "./constants.ts"
      import * as fs from "node:${part["builtin"] ?? "fs"}"
      export const run = (given: { readonly value: number }) => {
        const local = ${part["number"] ?? "1e3"} + 0x10 + given.value
        const other = { local, ${part["property"] ?? "key"}: local ${part["operator"] ?? "+"} 2, ["a" + "b"]: imported }
        return other.${part["read"] ?? "local"} + text + ${part["string"] ?? '"a\\nb"'} + ${part["global"] ?? "Object"}.x + fs
      }
      export function ${part["export"] ?? "more"}() { return ${part["regex"] ?? "/a\\nb/"} }`
    const parts: Readonly<Record<string, string>> = {
      imported: "second",
      builtin: "path",
      number: "1e4",
      property: "kez",
      operator: "-",
      read: "lodal",
      string: '"a\\nc"',
      global: "Reflect",
      export: "most",
      regex: "/a\\nc/",
    }
    const digest = (part: Readonly<Record<string, string>>, constants: string) =>
      digestOf(project({ "run.ts": source(part), "constants.ts": constants }), "run.ts")
    const constants = 'export const text = "x\\ny"; export const first = 1; export const second = 2'
    const digests = [await digest({}, constants), await digest({}, constants.replace("ny", "nz"))]
    for (const [name, value] of Object.entries(parts)) digests.push(await digest({ [name]: value }, constants))
    expect(new Set(digests).size).toBe(digests.length)
  })

  it("K9 a change two imports away changes the stages that reach it, and no other", async () => {
    const stages = ["stages/retrieve/search.ts", "stages/evaluate/measure.ts", "stages/report/page.ts"]
    const digests = async (files: Record<string, string>) => {
      const root = project(files)
      return Promise.all(stages.map((each) => digestOf(root, each)))
    }
    const before = await digests(retrieval)
    const changed = async (files: Record<string, string>) =>
      (await digests(files)).map((digest, index) => digest !== before[index])
    expect(new Set(before).size).toBe(3)
    expect(await changed(retrieval)).toEqual([false, false, false])
    expect(await changed(replaced("pipeline/order.ts", "? -1", "? -2"))).toEqual([true, true, false])
    expect(await changed(replaced("pipeline/order.ts", "compare(right, left)", "-compare(left, right)"))).toEqual([
      false,
      true,
      false,
    ])
    expect(await changed(replaced("stages/report/page.ts", "<html>", "<!doctype html>"))).toEqual([false, false, true])
    expect(await changed({ ...retrieval, "stages/retrieve/Other.ts": "export const other = 1" })).toEqual([
      false,
      false,
      false,
    ])
  })

  it("K10 each contributing file is named, with a hash of its own normalised text", async () => {
    const before = await fingerprintOf(project(retrieval), "stages/retrieve/search.ts")
    expect(Object.keys(before.code.files)).toEqual([
      "pipeline/order.ts",
      "stages/retrieve/TopK.ts",
      "stages/retrieve/search.ts",
    ])
    const commented = await fingerprintOf(
      project(replaced("pipeline/order.ts", "export", "/* hm */ export")),
      "stages/retrieve/search.ts",
    )
    expect(commented).toEqual(before)
    const after = await fingerprintOf(
      project(replaced("pipeline/order.ts", "? -1", "? -2")),
      "stages/retrieve/search.ts",
    )
    expect(after.code.files).toEqual({
      ...before.code.files,
      "pipeline/order.ts": expect.not.stringMatching(before.code.files["pipeline/order.ts"] ?? ""),
    })
  })

  it("K10 moving a function to another file is not a change", async () => {
    const moved = {
      ...replaced("stages/retrieve/TopK.ts", "../../pipeline/order.ts", "../../pipeline/text/compare.ts"),
      "pipeline/text/compare.ts": retrieval["pipeline/order.ts"],
    }
    const before = await fingerprintOf(project(retrieval), "stages/retrieve/search.ts")
    const after = await fingerprintOf(project(moved), "stages/retrieve/search.ts")
    expect(after.code.digest).toBe(before.code.digest)
    expect(Object.keys(after.code.files)).toContain("pipeline/text/compare.ts")
  })

  it("K11 the digest depends on no absolute path, working folder or tsconfig", async () => {
    const root = project(retrieval)
    const digest = await digestOf(root, "stages/retrieve/search.ts")
    const elsewhere = `${root}-moved to a folder with spaces`
    folders.push(elsewhere)
    renameSync(root, elsewhere)
    write(elsewhere, {
      "tsconfig.json": '{ "compilerOptions": { "target": "es5", "strict": false, "useDefineForClassFields": false } }',
    })
    const folder = process.cwd()
    process.chdir(tmpdir())
    try {
      expect(await digestOf(elsewhere, "stages/retrieve/search.ts")).toBe(digest)
    } finally {
      process.chdir(folder)
    }
  })

  it("K41 a default export counts", async () => {
    const digest = await digestOf(project({ "run.ts": "export default () => 1" }), "run.ts")
    expect(await digestOf(project({ "run.ts": "// one\nexport default () => 1" }), "run.ts")).toBe(digest)
    expect(await digestOf(project({ "run.ts": "export default () => 2" }), "run.ts")).not.toBe(digest)
    const named = "export const run = 1\n"
    const both = await digestOf(project({ "run.ts": `${named}export default () => 1` }), "run.ts")
    expect(both).not.toBe(await digestOf(project({ "run.ts": named }), "run.ts"))
  })

  it("K12 literal dynamic imports are followed, workers and data files named by `new URL` too", async () => {
    const files = (lazy: string, worker: string, words: string) => ({
      "run.ts": `
        export const run = async () => {
          const { lazy } = await import("./lazy.ts")
          new Worker(new URL("./SearchWorker.ts", import.meta.url), { name: lazy })
          return readFileSync(new URL('./words.txt', import.meta.url))
        }`,
      "lazy.ts": `export const lazy = "${lazy}"`,
      "SearchWorker.ts": `import { inner } from "./inner.ts"\nself.postMessage(inner) // here`,
      "inner.ts": `export const inner = "${worker}"`,
      "words.txt": words,
    })
    const digest = await digestOf(project(files("a", "b", "c")), "run.ts")
    expect(await digestOf(project(files("a", "b", "c")), "run.ts")).toBe(digest)
    expect(await digestOf(project(files("A", "b", "c")), "run.ts")).not.toBe(digest)
    expect(await digestOf(project(files("a", "B", "c")), "run.ts")).not.toBe(digest)
    expect(await digestOf(project(files("a", "b", "C")), "run.ts")).not.toBe(digest)
    const { code } = await fingerprintOf(project(files("a", "b", "c")), "run.ts")
    expect(Object.keys(code.files)).toEqual(["SearchWorker.ts", "inner.ts", "lazy.ts", "run.ts", "words.txt"])
  })

  it("K13 an import that cannot be followed is refused, with its file and line", async () => {
    const imported = (text: string) =>
      failureOf(project({ "run.ts": `import { f } from "./f.ts"\nexport const run = f`, "f.ts": text }), "run.ts")
    expect(await imported("// One\nexport const f = (name: string) => import(name)")).toMatchObject({
      _tag: "UntraceableImportError",
      file: "f.ts",
      line: 2,
      column: 36,
      message: expect.stringContaining("f.ts:2:36"),
    })
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of a program
    expect(await imported("export const f = (n: string) => import(`./models/${n}.ts`)")).toMatchObject({
      _tag: "UntraceableImportError",
    })
    expect(
      await imported(
        'import { createRequire } from "node:module"\n\nconst load = createRequire(import.meta.url)\nexport const f = load',
      ),
    ).toMatchObject({ _tag: "UntraceableImportError", file: "f.ts", line: 1 })
    // A choice between literals can be followed, and so can one that constants decide.
    expect(await imported('export const f = (a: boolean) => a ? import("./a.ts") : import("./b.ts")')).toMatchObject({
      _tag: "StageCodeError",
      file: "f.ts",
    })
  })

  it("K13 code that cannot be read is an error that names file, line and problem", async () => {
    expect(await failureOf(project({ "run.ts": "export const run = 1\nexport const = 2" }), "run.ts")).toMatchObject({
      _tag: "StageCodeError",
      file: "run.ts",
      line: 2,
      message: expect.stringContaining("run.ts:2:14"),
    })
    expect(
      await failureOf(project({ "run.ts": 'import { a } from "./gone.ts"\nexport { a }' }), "run.ts"),
    ).toMatchObject({
      _tag: "StageCodeError",
      file: "run.ts",
      line: 1,
      problem: expect.stringContaining("./gone.ts"),
    })
    expect(await failureOf(project({}), "stages/nothing.ts")).toMatchObject({
      _tag: "StageCodeError",
      problem: expect.stringContaining("stages/nothing.ts"),
    })
  })
})

const installed = (versions: { readonly bm25: string; readonly stem: string; readonly other: string }) => ({
  "run.ts": `
    import { stem } from "bm25-fixture/stem"
    import { helper } from "./helper.ts"
    export const run = () => stem(helper)`,
  "helper.ts": `
    import { other } from "@scope/other"
    import { readFileSync } from "node:fs"
    export const helper = "h"
    export const notKept = () => other(readFileSync)`,
  "node_modules/bm25-fixture/package.json": JSON.stringify({
    version: versions.bm25,
    dependencies: { "stem-fixture": "*", "native-fixture": "*" },
    optionalDependencies: { "absent-fixture": "*" },
  }),
  "node_modules/stem-fixture/package.json": '{ "version": "0.0.1" }',
  "node_modules/bm25-fixture/node_modules/stem-fixture/package.json": JSON.stringify({
    version: versions.stem,
    dependencies: { "bm25-fixture": "*" },
  }),
  "node_modules/native-fixture/package.json": '{ "version": "1.0.0", "os": ["linux"], "cpu": ["x64"] }',
  "node_modules/@scope/other/package.json": JSON.stringify({ version: versions.other }),
})

describe("the packages of a key", () => {
  const versions = { bm25: "1.0.0", stem: "2.0.0", other: "3.0.0" }
  const packagesOf = async (files: Record<string, string>) => (await fingerprintOf(project(files), "run.ts")).packages

  it("K14 installed versions of what kept code imports and of what that depends on, as Node would find them", async () => {
    expect(await packagesOf(installed(versions))).toEqual({ "bm25-fixture": "1.0.0", "stem-fixture": "2.0.0" })
    expect(await packagesOf(installed({ ...versions, stem: "2.0.1" }))).toEqual({
      "bm25-fixture": "1.0.0",
      "stem-fixture": "2.0.1",
    })
    // What unused code imports does not count.
    expect(await packagesOf(installed({ ...versions, other: "4.0.0" }))).toEqual(await packagesOf(installed(versions)))
    const used = installed(versions)
    expect(
      await packagesOf({ ...used, "run.ts": used["run.ts"].replaceAll("helper }", "notKept as helper }") }),
    ).toEqual({
      "@scope/other": "3.0.0",
      "bm25-fixture": "1.0.0",
      "stem-fixture": "2.0.0",
    })
  })

  it("K14 a package that is not installed is an error that says what to do", async () => {
    expect(await failureOf(project({ "run.ts": 'export * from "nowhere-fixture"' }), "run.ts")).toMatchObject({
      _tag: "NotInstalledError",
      package: "nowhere-fixture",
      message: expect.stringContaining("npm ci"),
    })
  })
})

describe("native libraries", () => {
  it("K15 are named by the version that the library itself states", async () => {
    const { native } = await run(
      { projectRoot: here },
      ({ stage: of }) => of(stage("pipeline/tables/DuckDb.ts", ["duckdb", "onnxruntime"])),
      layerDuckDb(),
    )
    const { version } = await import("@duckdb/node-api")
    expect(native["duckdb"]).toBe(version())
    const { env } = await import("onnxruntime-node")
    expect(native["onnxruntime"]).toBe(env.versions.node)
  })

  it("K15 count for a stage that reaches their package, declared or not", async () => {
    const of = (code: string) => run({ projectRoot: here }, (each) => each.stage(stage(code)), layerDuckDb())
    expect(Object.keys((await of("pipeline/tables/Table.ts")).native)).toEqual(["duckdb"])
    expect(Object.keys((await of("pipeline/keys/KeyDocument.ts")).native)).toEqual([])
  })

  it("K15 another build in ONNX Runtime's place is another version", async () => {
    const library = join(
      "node_modules/onnxruntime-node/bin/napi-v6",
      process.platform,
      process.arch,
      "libonnxruntime.so.1",
    )
    const fixture = (bytes: string) =>
      project({
        "run.ts": "export const run = 1",
        "node_modules/onnxruntime-node/package.json": '{ "version": "1.30.0" }',
        [library]: bytes,
      })
    const versionOf = async (bytes: string) =>
      (await run({ projectRoot: fixture(bytes) }, ({ stage: of }) => of(stage("run.ts", ["onnxruntime"])))).native[
        "onnxruntime"
      ]
    expect(await versionOf("ELF\0VERS\u00001.30.0\0")).toBe("1.30.0")
    expect(await versionOf("ELF\0VERS\u00001.31.0\0")).toMatch(/^1\.30\.0\+[0-9a-f]{12}$/)
    expect(await versionOf("ELF\0VERS\u00001.31.0\0")).not.toBe(await versionOf("ELF\0VERS\u00001.31.1\0"))
  })
})

describe("hints", () => {
  const hinted = (root: string, readOnly = false): FingerprintOptions => ({
    projectRoot: root,
    hintsFile: join(root, "artifacts/hints.json"),
    readOnly,
  })

  it("K16 files that are younger than two seconds are never remembered; older ones are not read again", async () => {
    const root = project(installed({ bm25: "1.0.0", stem: "2.0.0", other: "3.0.0" }))
    const of = () => run(hinted(root), (each) => each.stage(stage("run.ts")))
    const remembered = () => readFileSync(join(root, "artifacts/hints.json"), "utf8")
    const first = await of()
    expect(existsSync(join(root, "artifacts/hints.json"))).toBe(false)
    await age(root)
    expect(await of()).toEqual(first)
    expect(remembered()).toContain("code:run.ts")

    // The hint is used: what it says is believed while no stamp differs.
    const forged = "f".repeat(64)
    writeFileSync(join(root, "artifacts/hints.json"), remembered().replace(first.code.digest, forged))
    expect((await of()).code.digest).toBe(forged)

    // A change of the same length, put back to the old time, is still noticed.
    writeFileSync(join(root, "helper.ts"), readFileSync(join(root, "helper.ts"), "utf8").replace('"h"', '"H"'))
    utimesSync(join(root, "helper.ts"), 1_000_000, 1_000_000)
    const changed = await of()
    expect([forged, first.code.digest]).not.toContain(changed.code.digest)

    // A version too, also of a package that was looked for and absent.
    write(root, { "node_modules/bm25-fixture/node_modules/absent-fixture/package.json": '{ "version": "5.0.0" }' })
    expect((await of()).packages).toEqual({ ...first.packages, "absent-fixture": "5.0.0" })
  })

  it("K16 two checkouts with a store between them have hints of their own", async () => {
    const [mine, theirs] = [
      retrieval,
      { ...retrieval, "stages/report/page.ts": "export const run = () => 'theirs'" },
    ].map(project)
    if (mine === undefined || theirs === undefined) throw new Error("there are two")
    await age(mine)
    await age(theirs)
    const hintsFile = join(mine, "artifacts/hints.json")
    const of = (projectRoot: string, remembers: boolean) =>
      run({ projectRoot, ...(remembers ? { hintsFile } : {}) }, (each) => each.stage(stage("stages/report/page.ts")))
    const plain = [await of(mine, false), await of(theirs, false)]
    expect(plain[0]).not.toEqual(plain[1])
    for (let round = 0; round < 2; round++) expect([await of(mine, true), await of(theirs, true)]).toEqual(plain)
  })

  it("K16 damaged hints are ignored, a folder that cannot be written is no failure, a read-only run writes nothing", async () => {
    const root = project(retrieval)
    await age(root)
    const code = "stages/report/page.ts"
    const of = (options: FingerprintOptions) => run(options, (each) => each.stage(stage(code)))
    const plain = await of({ projectRoot: root })
    expect(await of(hinted(root, true))).toEqual(plain)
    expect(existsSync(join(root, "artifacts"))).toBe(false)
    for (const text of ["", "{", '{"schema":2,"hints":{}}', '{"schema":1,"hints":{"code:x":{"files":3}}}', "\0"]) {
      write(root, { "artifacts/hints.json": text })
      expect(await of(hinted(root))).toEqual(plain)
    }
    expect(readFileSync(join(root, "artifacts/hints.json"), "utf8")).toContain(plain.code.digest)
    expect(await of({ projectRoot: root, hintsFile: join(root, "package.json", "hints.json") })).toEqual(plain)
  })

  it("K16 with warm hints ten stages take less than a fifth of the time, and neither esbuild nor DuckDB is loaded", async () => {
    const root = project({})
    symlinkSync(join(here, "node_modules"), join(root, "node_modules"))
    const stages = Array.from({ length: 10 }, (_, index) => `stages/s${index}.ts`)
    for (const name of stages) {
      write(root, { [name]: `import * as Effect from "effect/Effect"\nexport const run = Effect.succeed("${name}")` })
    }
    const program = `
      import * as Effect from "effect/Effect"
      import { createRequire } from "node:module"
      import { layerDuckDb } from "${here}/pipeline/tables/DuckDb.ts"
      import { Fingerprint, layerFingerprint } from "${here}/pipeline/keys/Fingerprint.ts"
      const before = performance.now()
      const all = await Effect.runPromise(Effect.flatMap(Fingerprint, (each) =>
        Effect.forEach(${JSON.stringify(stages)}, (code) => each.stage({ name: code, code, native: ["duckdb", "onnxruntime"] }))
      ).pipe(
        Effect.provide(layerFingerprint({ projectRoot: "${root}", hintsFile: "${root}/hints.json" })),
        Effect.provide(layerDuckDb())))
      const ms = performance.now() - before
      const loaded = Object.keys(createRequire(import.meta.url).cache)
      console.log(JSON.stringify({ all, ms, esbuild: loaded.some((file) => file.includes("/node_modules/esbuild/")),
        duckdb: loaded.some((file) => file.includes("duckdb.node")) }))`
    // As the launcher would start it: through tsx, esbuild is always there.
    await build({
      stdin: { contents: program, resolveDir: here, loader: "ts" },
      outdir: root,
      entryNames: "program",
      bundle: true,
      splitting: true,
      format: "esm",
      platform: "node",
      packages: "external",
    })
    const once = () => {
      const said: { readonly all: unknown; readonly ms: number } = JSON.parse(
        execFileSync(process.execPath, [join(root, "program.js")], { encoding: "utf8" }),
      )
      return said
    }
    await age(join(root, "stages"))
    const cold = once()
    const warm = [once(), once(), once()]
    expect(cold).toMatchObject({ esbuild: true, duckdb: true })
    for (const each of warm) expect(each).toMatchObject({ all: cold.all, esbuild: false, duckdb: false })
    expect(Math.min(...warm.map((each) => each.ms))).toBeLessThan(cold.ms / 5)
  })
})

describe("code and process", () => {
  it("K17 a process has one fingerprint of a stage; whether its files changed since can be asked", async () => {
    const root = project(retrieval)
    const code = stage("stages/retrieve/search.ts")
    await run({ projectRoot: root }, (each) =>
      Effect.gen(function* () {
        const before = yield* each.stage(code)
        expect(yield* each.stageUnchanged(code)).toBe(true)
        write(root, replaced("pipeline/order.ts", "? -1", "? -3"))
        expect(yield* each.stage(code)).toEqual(before)
        expect(yield* each.stageUnchanged(code)).toBe(false)
      }),
    )
  })

  it("K17 code edited between the build of the running copy and its fingerprint is an error", async () => {
    const root = project(retrieval)
    const file = join(root, "pipeline/order.ts")
    const builtFrom = new Map([[file, stampOf(file)]])
    const code = stage("stages/retrieve/search.ts")
    expect(await run({ projectRoot: root, builtFrom }, (each) => each.stage(code))).toMatchObject({ native: {} })
    copyFileSync(file, `${file}.copy`)
    renameSync(`${file}.copy`, file)
    const exit = await Effect.runPromiseExit(
      Effect.flatMap(Fingerprint, (each) => each.stage(code)).pipe(
        Effect.provide(layerFingerprint({ projectRoot: root, builtFrom })),
        Effect.provide(noDuckDb),
      ),
    )
    expect(String(exit)).toContain("pipeline/order.ts")
    expect(String(exit)).toContain("EditedSinceStartError")
  })
})

// Elsewhere the system does not tell of its processes so.
describe.runIf(process.platform === "linux")("following code in a terminal", () => {
  /** The process groups of esbuild's services among this process's children. */
  const services = (): ReadonlyMap<number, number> =>
    new Map(
      readdirSync("/proc")
        .filter((name) => /^\d+$/.test(name))
        .flatMap((pid) => {
          try {
            const [, name, rest] = /\((.*)\) (.*)/s.exec(readFileSync(`/proc/${pid}/stat`, "latin1")) ?? []
            const [, parent, group] = rest?.split(" ") ?? []
            return name === "esbuild" && Number(parent) === process.pid ? [[Number(pid), Number(group)] as const] : []
          } catch {
            return []
          }
        }),
    )

  it("K25 esbuild's service is in a process group of its own, which a terminal's signals do not reach", async () => {
    await stopFollowing()
    const before = services()
    await followCode(here, "pipeline/keys/FingerprintStamp.ts")
    const started = [...services()].filter(([pid]) => !before.has(pid))
    expect(started.map(([pid, group]) => pid === group)).toEqual([true])
    await stopFollowing()
  })
})
