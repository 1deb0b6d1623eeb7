import { execFileSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  actionKey,
  canonicalJson,
  differences,
  KeyDocument,
  keySchema,
  NotCanonicalError,
  nearest,
  parseKeyDocument,
  renderDifference,
  renderKeyDocument,
  sharedParts,
} from "../../../pipeline/keys/KeyDocument.ts"
import type { Json } from "../../../pipeline/plan/Json.ts"

const hash = (digit: string): string => digit.repeat(64)

const document: KeyDocument = {
  schema: keySchema,
  stage: "retrieve",
  stageVersion: 1,
  config: { k1: 0.9, b: 0.4, analyzer: { stopwords: ["a", "the"] } },
  inputs: { index: [hash("a")], queries: [hash("b")] },
  code: { digest: hash("c"), files: { "stages/retrieve/Bm25.ts": hash("d"), "stages/retrieve/search.ts": hash("e") } },
  packages: { effect: "3.22.3" },
  native: { duckdb: "v1.5.6" },
  determinism: "deterministic",
}

const rendered = (before: KeyDocument, after: KeyDocument) => differences(before, after).map(renderDifference)

// Names that are not integers keep the order in which they are added, which is what these tests shuffle.
const name = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 6 })
  .filter((text) => !/^\d+$/.test(text) && text !== "__proto__")

const json: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (Object.is(value, -0) ? 0 : value)),
    fc.string({ unit: "grapheme" }),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(name, tie("value"), { maxKeys: 5, noNullPrototype: true }),
  ),
})).value

const digest = fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 64, maxLength: 64 })
const record = <T>(value: fc.Arbitrary<T>) => fc.dictionary(name, value, { maxKeys: 4, noNullPrototype: true })

const documents: fc.Arbitrary<KeyDocument> = fc.record({
  schema: fc.constant(keySchema),
  stage: fc.constantFrom("ingest", "retrieve"),
  stageVersion: fc.integer({ min: 1, max: 3 }),
  config: json,
  inputs: record(fc.array(digest, { maxLength: 3 })),
  code: fc.record({ digest, files: record(digest) }),
  packages: record(fc.constantFrom("1.0.0", "1.0.1")),
  native: record(fc.constantFrom("v1", "v2")),
  determinism: fc.constantFrom("deterministic", "seeded"),
})

/** The same value with the members of every object added in another order. */
const shuffled = (value: Json, order: (names: Array<string>) => Array<string>): Json => {
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.map((item: Json) => shuffled(item, order))
  const members = new Map(Object.entries(value))
  return Object.fromEntries(order([...members.keys()]).map((key) => [key, shuffled(members.get(key) ?? null, order)]))
}

describe("canonical JSON", () => {
  it("K1 sorts members by UTF-16 code units and writes numbers as ECMAScript does (RFC 8785 §3.2.3, §3.2.2)", () => {
    // The example of RFC 8785, section 3.2.3.
    const members = {
      "\u20ac": "Euro Sign",
      "\r": "Carriage Return",
      "\ufb33": "Hebrew Letter Dalet With Dagesh",
      "1": "One",
      "\ud83d\ude00": "Emoji: Grinning Face",
      "\u0080": "Control",
      "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    expect(Object.keys(members)).toHaveLength(7)
    expect(canonicalJson(members)).toBe(
      '{"\\r":"Carriage Return","1":"One","\u0080":"Control","ö":"Latin Small Letter O With Diaeresis",' +
        '"€":"Euro Sign","😀":"Emoji: Grinning Face","\ufb33":"Hebrew Letter Dalet With Dagesh"}',
    )
    // And of section 3.2.2.
    expect(
      canonicalJson({
        numbers: [333333333.33333329, 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
        string: "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"/",
        literals: [null, true, false],
      }),
    ).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    )
    expect(canonicalJson(-0)).toBe("0")
  })

  it("K1 does not depend on the order in which members were added", () => {
    fc.assert(
      fc.property(json, fc.infiniteStream(fc.nat()), (value, random) => {
        const order = (names: Array<string>) =>
          names
            .map((key) => ({ key, at: Number(random.next().value) }))
            .sort((a, b) => a.at - b.at)
            .map(({ key }) => key)
        expect(canonicalJson(shuffled(value, order))).toBe(canonicalJson(value))
      }),
    )
  })

  it("K1 is JSON that says the same value, and different values have different texts", () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(value)
      }),
    )
  })

  it("K2 refuses what JSON cannot say, and names where it stands", () => {
    class Regularisation {
      strength = 1
    }
    const circular: Record<string, unknown> = {}
    circular["self"] = circular
    const cases: ReadonlyArray<readonly [unknown, string]> = [
      [{ a: { b: [1, Number.NaN] } }, "«a.b[1]» is NaN"],
      [{ a: Number.POSITIVE_INFINITY }, "«a» is Infinity"],
      [{ a: undefined }, "«a» is undefined"],
      [undefined, "The value is undefined"],
      [new Array(1), "«[0]» is undefined"],
      [{ loss: () => 0 }, "«loss» is a function"],
      [{ seed: 1n }, "«seed» is a bigint"],
      [{ when: new Date(0) }, "«when» is an instance of Date"],
      [{ weights: new Float32Array(1) }, "«weights» is an instance of Float32Array"],
      [{ r: new Regularisation() }, "«r» is an instance of Regularisation"],
      [{ m: new Map() }, "«m» is an instance of Map"],
      [{ [Symbol.iterator]: 1 }, "The value is an instance of Object"],
      [{ text: "\ud800" }, "«text» is a string with half a surrogate pair"],
      [circular, "«self» is a reference to what holds it"],
    ]
    for (const [value, message] of cases) {
      let thrown: unknown
      try {
        canonicalJson(value)
      } catch (error) {
        thrown = error
      }
      expect(thrown).toBeInstanceOf(NotCanonicalError)
      expect(String(thrown)).toContain(message)
    }
  })
})

describe("action keys", () => {
  it("K3 a document survives being written and read, whatever the order of its members, with the same key", () => {
    fc.assert(
      fc.property(documents, (each) => {
        const text = JSON.stringify(shuffled(each, (names) => names.reverse()))
        const read = parseKeyDocument(text)
        expect(read).toEqual(each)
        expect(read && actionKey(read)).toBe(actionKey(each))
      }),
    )
  })

  it("K3 a document of another form, or a damaged one, is not read", () => {
    expect(parseKeyDocument(JSON.stringify(document))).toEqual(document)
    expect(parseKeyDocument(JSON.stringify({ ...document, schema: 2 }))).toBeUndefined()
    expect(parseKeyDocument(JSON.stringify({ ...document, inputs: { index: ["ABC"] } }))).toBeUndefined()
    expect(parseKeyDocument(JSON.stringify({ ...document, host: "here" }))).toBeUndefined()
    expect(parseKeyDocument(JSON.stringify(document).slice(0, -9))).toBeUndefined()
    expect(Schema.is(KeyDocument)(document)).toBe(true)
  })

  it("K4 keys are equal exactly where no ingredient differs", () => {
    fc.assert(
      fc.property(documents, documents, (a, b) => {
        expect(differences(a, a)).toEqual([])
        // An input wired with nothing and an input not wired are different keys, but no stage declares its inputs twice.
        const same = Object.keys(a.inputs).sort().join() === Object.keys(b.inputs).sort().join()
        if (same) expect(differences(a, b).length === 0).toBe(actionKey(a) === actionKey(b))
      }),
    )
    fc.assert(
      fc.property(documents, json, (a, config) => {
        const b = { ...a, config }
        expect(differences(a, b).length === 0).toBe(actionKey(a) === actionKey(b))
      }),
    )
  })

  it("K4 the key holds the code's digest, not the paths of its files", () => {
    const moved = { ...document, code: { ...document.code, files: { "stages/retrieve/Moved.ts": hash("d") } } }
    expect(actionKey(moved)).toBe(actionKey(document))
    expect(differences(document, moved)).toEqual([])
    const changed = { ...document, code: { ...document.code, digest: hash("f") } }
    expect(actionKey(changed)).not.toBe(actionKey(document))
  })

  it("K5 a key does not depend on locale or time zone", () => {
    const module = fileURLToPath(new URL("../../../pipeline/keys/KeyDocument.ts", import.meta.url))
    const program = `
      import { actionKey } from ${JSON.stringify(module)}
      process.stdout.write(actionKey(JSON.parse(process.argv[1])))`
    // Members that sort apart in Turkish and by code units.
    const config = { ä: 1, z: 2, Z: 3, ı: 4, I: 5, i: 6, å: 0.1, "€": 1e21 }
    const spoken = { ...document, config }
    const env = { ...process.env, LC_ALL: "tr_TR.UTF-8", LANG: "tr_TR.UTF-8", TZ: "Pacific/Kiritimati" }
    const argumentsOf = ["--import", "tsx", "--input-type=module", "--eval", program, JSON.stringify(spoken)]
    expect(execFileSync(process.execPath, argumentsOf, { env, encoding: "utf8" })).toBe(actionKey(spoken))
  })
})

describe("explaining", () => {
  it("K6 each changed ingredient is named with its old and its new value", () => {
    expect(rendered(document, { ...document, config: { k1: 0.82, b: 0.4, analyzer: { stopwords: ["a"] } } })).toEqual([
      'config.analyzer.stopwords[1]: "the" → (absent)',
      "config.k1: 0.9 → 0.82",
    ])
    expect(rendered(document, { ...document, config: 3 })).toEqual([
      'config: {"k1":0.9,"b":0.4,"analyzer":{"stopwords":["a","the"]}} → 3',
    ])
    expect(rendered(document, { ...document, inputs: { index: [hash("a")], queries: [hash("f")] } })).toEqual([
      "inputs.queries: bbbbbbbb… → ffffffff…",
    ])
    expect(
      rendered(document, { ...document, inputs: { ...document.inputs, queries: [hash("b"), hash("f")] } }),
    ).toEqual(["inputs.queries[1]: (absent) → ffffffff…"])
    expect(
      rendered(document, {
        ...document,
        code: {
          digest: hash("0"),
          files: { "stages/retrieve/Bm25.ts": hash("1"), "stages/retrieve/Heap.ts": hash("2") },
        },
      }),
    ).toEqual([
      "code: stages/retrieve/Bm25.ts changed",
      "code: stages/retrieve/Heap.ts added",
      "code: stages/retrieve/search.ts removed",
    ])
    expect(rendered(document, { ...document, code: { ...document.code, digest: hash("0") } })).toEqual([
      "code: the same files, put together differently (import order, or another esbuild)",
    ])
    expect(
      rendered(document, {
        ...document,
        stageVersion: 2,
        packages: { effect: "3.22.4", "wink-nlp-utils": "2.1.0" },
        native: { duckdb: "v1.5.7" },
        determinism: "seeded",
      }),
    ).toEqual([
      "stageVersion: 1 → 2",
      "packages.effect: 3.22.3 → 3.22.4",
      "packages.wink-nlp-utils: (absent) → 2.1.0",
      "native.duckdb: v1.5.6 → v1.5.7",
      "determinism: deterministic → seeded",
    ])
  })

  it("K7 the nearest recorded key is of the same stage, differs least, and is the latest of equals", () => {
    const far = { document: { ...document, config: {}, native: {} }, at: 9 }
    const old = { document: { ...document, config: { ...document, k1: 1 } }, at: 1 }
    const other = { document: { ...document, stage: "index" }, at: 10 }
    const near = (k1: number, at: number) => ({
      document: { ...document, config: { k1, b: 0.4, analyzer: { stopwords: ["a", "the"] } } },
      at,
    })
    expect(nearest(document, [far, old, near(1.2, 5), near(0.82, 7), near(2, 6), other])).toEqual({
      recorded: near(0.82, 7),
      differences: [{ _tag: "Config", path: "k1", before: 0.82, after: 0.9 }],
    })
    const share = sharedParts()
    const shared = [far, old, near(1.2, 5), near(0.82, 7), near(2, 6)].map(({ at, document: each }) => ({
      document: share(each),
      at,
    }))
    expect(shared.map(({ document: each }) => each)).toEqual(
      [far, old, near(1.2, 5), near(0.82, 7), near(2, 6)].map((each) => each.document),
    )
    expect(shared[2]?.document.code).toBe(shared[3]?.document.code)
    expect(nearest(share(document), shared)?.differences).toEqual(nearest(document, shared)?.differences)
    expect(nearest(document, [other])).toBeUndefined()
    expect(nearest(document, [])).toBeUndefined()
  })

  it("K6 a document is shown with its key and every ingredient", () => {
    const text = renderKeyDocument(document)
    for (const part of [actionKey(document), "retrieve", '"k1":0.9', hash("a"), "Bm25.ts", "effect 3.22.3", "v1.5.6"]) {
      expect(text).toContain(part)
    }
  })
})
