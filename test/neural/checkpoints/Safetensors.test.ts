import { createHash } from "node:crypto"
import { existsSync, readFileSync } from "node:fs"
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import {
  type CheckpointError,
  elements,
  floatToBfloat,
  floatToHalf,
  matchTensors,
  openWeights,
  requireTensors,
  type Weights,
  type WrittenTensor,
  writeSafetensors,
} from "../../../neural/checkpoints/index.ts"
import { headerLength, parseHeader } from "../../../neural/checkpoints/SafetensorsHeader.ts"

const reference = join(import.meta.dirname, "../../reference/checkpoints")
const shared = join(import.meta.dirname, "../../../../shared/models/safetensors-fixtures")

interface Values {
  readonly [name: string]: { readonly dtype: string; readonly shape: Array<number>; readonly bits: Array<number> }
}
const values: Values = JSON.parse(readFileSync(join(reference, "values.json"), "utf8"))

const bits = (floats: Float32Array): Array<number> => [
  ...new Uint32Array(floats.buffer, floats.byteOffset, floats.length),
]

const using = <A>(path: string, use: (weights: Weights) => Effect.Effect<A, unknown>): Promise<A> =>
  Effect.runPromise(Effect.scoped(Effect.flatMap(openWeights(path), use)))

const failing = (path: string): Promise<CheckpointError> =>
  Effect.runPromise(Effect.flip(Effect.scoped(openWeights(path))))

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "rankdag-safetensors-"))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** A file from a header of any shape, and that many bytes of data. */
const fileOf = (header: string | Uint8Array, dataBytes: number, stated?: number | bigint): Uint8Array => {
  const json = typeof header === "string" ? new TextEncoder().encode(header) : header
  const file = new Uint8Array(8 + json.length + dataBytes)
  new DataView(file.buffer).setBigUint64(0, BigInt(stated ?? json.length), true)
  file.set(json, 8)
  return file
}

const parse = (file: Uint8Array): string => {
  const length = headerLength(file.subarray(0, 8), file.length)
  if (typeof length !== "number") return length.problem
  const header = parseHeader(file.subarray(8, 8 + length), file.length)
  return "problem" in header ? `${header.tensor ?? ""}|${header.problem}` : "valid"
}

describe("reading", () => {
  it("N101 F32, F16 and BF16 tensors, scalars and empty tensors are read bit for bit as the reference library wrote them", () =>
    using(join(reference, "mixed.safetensors"), (weights) =>
      Effect.gen(function* () {
        expect(weights.metadata).toEqual({ format: "pt", note: "a “note”" })
        for (const [name, expected] of Object.entries(values)) {
          expect(weights.tensors.get(name)?.shape).toEqual(expected.shape)
          expect(bits(yield* weights.floats(name)), name).toEqual(expected.bits)
        }
      }),
    ))

  it("N102 a sharded checkpoint reads as one", () =>
    using(join(reference, "sharded"), (weights) =>
      Effect.gen(function* () {
        expect([...weights.tensors.keys()].sort()).toEqual(Object.keys(values).sort())
        for (const [name, expected] of Object.entries(values))
          expect(bits(yield* weights.floats(name)), name).toEqual(expected.bits)
      }),
    ))

  it("N103 any slice of a tensor equals that part of the whole, and goes where it is asked to", () =>
    using(join(reference, "mixed.safetensors"), (weights) =>
      Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(fc.constantFrom(...Object.keys(values)), fc.nat(30), fc.nat(30), async (name, a, b) => {
            const expected = values[name]?.bits ?? []
            const [begin, end] = [Math.min(a, b, expected.length), Math.min(Math.max(a, b), expected.length)]
            const into = new Float32Array(40).fill(7)
            const read = await Effect.runPromise(weights.floats(name, { slice: { begin, end }, into }))
            expect(read).toBe(into)
            expect(bits(into.subarray(0, end - begin))).toEqual(expected.slice(begin, end))
            expect([...into.subarray(end - begin)].every((x) => x === 7)).toBe(true)
          }),
        ),
      ),
    ))

  it("N104 bytes of any dtype can be read as they are; asking for floats of integers names tensor and dtype", () =>
    using(join(reference, "mixed.safetensors"), (weights) =>
      Effect.gen(function* () {
        const ids = new BigInt64Array(5)
        yield* weights.bytes("embeddings.position_ids", new Uint8Array(ids.buffer))
        expect([...ids]).toEqual([0n, 1n, 2n, 3n, 4n])
        const error = yield* Effect.flip(weights.floats("embeddings.position_ids"))
        expect(error._tag).toBe("DtypeUnsupported")
        expect(error.message).toContain("I64")
        expect((yield* Effect.flip(weights.floats("nothing")))._tag).toBe("TensorNotFound")
      }),
    ))

  it.skipIf(!existsSync(shared))(
    "N101 the shared fixtures read (skipped without ../shared): F16 is the rounded F32, I8 is named, a random BERT opens",
    async () => {
      const exact = await using(join(shared, "static-f32"), (weights) => weights.floats("embeddings"))
      const half = await using(join(shared, "static-f16"), (weights) => weights.floats("embeddings"))
      expect(half.length).toBe(exact.length)
      const rounded = new Uint16Array(exact.length)
      floatToHalf(exact, rounded)
      const back = new Uint16Array(half.length)
      floatToHalf(half, back)
      expect(Buffer.from(rounded.buffer).equals(Buffer.from(back.buffer))).toBe(true)
      const integers = await using(join(shared, "static-i8"), (weights) => Effect.flip(weights.floats("embeddings")))
      expect(integers._tag).toBe("DtypeUnsupported")
      await using(join(shared, "bert-tiny-random"), (weights) => {
        expect(weights.tensors.size).toBe(23)
        return Effect.void
      })
    },
  )
})

describe("bad files", () => {
  const entry = (offsets: string, shape = "[2]", dtype = "F32") =>
    `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`

  it.each<readonly [string, Uint8Array, RegExp]>([
    ["an empty file", new Uint8Array(0), /has 0 bytes/],
    ["a file of five bytes", new Uint8Array(5), /has 5 bytes/],
    ["a header length beyond the file", fileOf("{}", 0, 500), /header of 500 bytes, but the file has only 10/],
    ["a header length above 100 MB", fileOf("{}", 0, 2n ** 63n), /more than the format's 100000000/],
    ["a header of no bytes", fileOf("", 4), /too short/],
    ["a header that is not UTF-8", fileOf(new Uint8Array([0x7b, 0xff, 0x7d]), 0), /not UTF-8/],
    ["a header that is not JSON", fileOf("{nope}", 0), /not JSON/],
    ["a header that is a list", fileOf("[]", 0), /does not begin with \{/],
    ["a byte order mark", fileOf("\ufeff{}", 0), /does not begin with \{/],
    ["an unknown dtype", fileOf(`{"a":${entry("[0,8]", "[2]", "Q4")}}`, 8), /^a\|.*dtype "Q4"/],
    ["a negative size", fileOf(`{"a":${entry("[0,8]", "[-2]")}}`, 8), /^a\|its shape/],
    ["a broken size", fileOf(`{"a":${entry("[0,8]", "[1.5]")}}`, 8), /^a\|its shape/],
    ["three offsets", fileOf(`{"a":${entry("[0,8,9]")}}`, 8), /^a\|its data_offsets/],
    ["an entry that is a number", fileOf(`{"a":3}`, 0), /^a\|its entry/],
    ["an end before its beginning", fileOf(`{"a":${entry("[8,0]")}}`, 8), /^a\|it begins at 8 and ends before/],
    ["an end beyond the data", fileOf(`{"a":${entry("[0,8]")}}`, 4), /^a\|it ends at 8, but the file holds 4/],
    [
      "a shape that does not fit its bytes",
      fileOf(`{"a":${entry("[0,12]")}}`, 12),
      /^a\|F32 \[2\] takes 8 bytes.*has 12/,
    ],
    [
      "a shape beyond any file",
      fileOf(`{"a":${entry("[0,8]", "[9007199254740991,9007199254740991]")}}`, 8),
      /^a\|.*beyond any file/,
    ],
    ["an overlap", fileOf(`{"a":${entry("[0,8]")},"b":${entry("[4,12]")}}`, 12), /^b\|.*overlaps/],
    ["a gap", fileOf(`{"a":${entry("[0,8]")},"b":${entry("[12,20]")}}`, 20), /^b\|4 bytes before it/],
    ["data that no tensor owns", fileOf(`{"a":${entry("[0,8]")}}`, 9), /end at byte .* the file has/],
    [
      "a name that stands twice",
      fileOf(`{"a":${entry("[0,8]")},"\\u0061":${entry("[0,8]")}}`, 8),
      /^a\|the name stands twice/,
    ],
    [
      "a field that stands twice",
      fileOf(`{"a":{"dtype":"F32","dtype":"I8","shape":[],"data_offsets":[0,4]}}`, 4),
      /^dtype\|.*twice/,
    ],
    ["metadata that is not text", fileOf(`{"__metadata__":{"a":1}}`, 0), /__metadata__\.a/],
  ])("N105 %s is refused and said", async (_, file, message) => {
    expect(parse(file)).toMatch(message)
    const path = join(folder, "bad.safetensors")
    await writeFile(path, file)
    const error = await failing(path)
    expect(error._tag).toBe("CheckpointInvalid")
    expect(error.message).toContain(path)
    expect(error.message).toContain("fetch or save it again")
  })

  it("N105 tensors may stand in the header in any order, and names may be as odd as JSON allows", () => {
    const file = fileOf(`{"b\\"{":${entry("[8,16]")},"__proto__":${entry("[0,8]")},"1":${entry("[16,16]", "[0]")}}`, 16)
    expect(parse(file)).toBe("valid")
  })

  it("N106 whatever the bytes, the header parser answers with a header or a problem, and never throws", () => {
    const valid = readFileSync(join(reference, "mixed.safetensors"))
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (file) => {
        parse(file)
      }),
      { numRuns: 500 },
    )
    fc.assert(
      fc.property(fc.json(), fc.nat(40), (json, data) => {
        parse(fileOf(json, data))
      }),
      { numRuns: 500 },
    )
    // Damage to a valid file: some bytes replaced, then cut. Where it is still accepted, every tensor lies within the file.
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 4 }),
        fc.nat(valid.length),
        fc.boolean(),
        (edits, cut, cutting) => {
          const file = Uint8Array.from(valid)
          for (const [at, byte] of edits) file[at] = byte
          const part = cutting ? file.subarray(0, cut) : file
          const length = headerLength(part.subarray(0, 8), part.length)
          if (typeof length !== "number") return
          const header = parseHeader(part.subarray(8, 8 + length), part.length)
          if ("problem" in header) return
          for (const tensor of header.tensors) {
            expect(tensor.offset).toBeGreaterThanOrEqual(header.dataOffset)
            expect(tensor.offset + tensor.bytes).toBeLessThanOrEqual(part.length)
          }
        },
      ),
      { numRuns: 1500 },
    )
  })

  it("N107 a folder with pickle weights only is refused with the way to convert it; one without weights says what is missing", async () => {
    const pickles = await mkdtemp(join(folder, "pickle-"))
    await writeFile(join(pickles, "pytorch_model.bin"), "x")
    const error = await failing(pickles)
    expect(error._tag).toBe("WeightsNotFound")
    expect(error.message).toContain("pytorch_model.bin")
    expect(error.message).toContain("safe_serialization=True")
    expect((await failing(join(pickles, "pytorch_model.bin")))._tag).toBe("WeightsNotFound")
    const empty = await mkdtemp(join(folder, "empty-"))
    expect((await failing(empty)).message).toContain("neither model.safetensors nor")
    expect((await failing(join(empty, "absent")))._tag).toBe("CheckpointIo")
  })

  it("N108 an index that lies is refused: not JSON, a shard outside the folder, a tensor that its shard lacks, a shard that is gone", async () => {
    const sharded = await mkdtemp(join(folder, "shards-"))
    const index = join(sharded, "model.safetensors.index.json")
    for (const file of await readdir(join(reference, "sharded")))
      await writeFile(join(sharded, file), await readFile(join(reference, "sharded", file)))
    const original = await readFile(index, "utf8")
    await writeFile(index, "{")
    expect((await failing(sharded))._tag).toBe("CheckpointInvalid")
    await writeFile(index, `{"weight_map":{"a":"../../etc/passwd"}}`)
    expect((await failing(sharded)).message).toContain("outside its own folder")
    await writeFile(index, original.replace('"half"', '"halves"'))
    expect((await failing(sharded)).message).toContain("halves")
    await writeFile(index, original)
    await rm(join(sharded, "model-00002-of-00002.safetensors"))
    const gone = await failing(sharded)
    expect(gone._tag).toBe("CheckpointInvalid")
    expect(gone.message).toMatch(/names \d+ shards, of which one is not there: .*safetensors\. Fetch what is missing/)
    expect(gone.message).toContain("model-00002-of-00002.safetensors")
  })
})

describe("matching", () => {
  it("N109 missing, extra and mis-shaped tensors are all named; aliases stand for one another", async () => {
    const available = new Map([
      ["encoder.embed_tokens.weight", { shape: [4, 2] }],
      ["shared.weight", { shape: [4, 2] }],
      ["norm", { shape: [3] }],
      ["decoder.norm", { shape: [2] }],
      ["stranger", { shape: [] }],
    ])
    const match = matchTensors(
      [
        { name: "shared.weight", shape: [4, 2], aliases: ["encoder.embed_tokens.weight"] },
        { name: "norm", shape: [2] },
        { name: "head", shape: [2] },
      ],
      available,
      (name) => name.startsWith("decoder."),
    )
    expect([...match.found.keys()]).toEqual(["shared.weight"])
    expect(match.missing).toEqual(["head"])
    expect(match.misshaped).toEqual([{ name: "norm", expected: [2], found: [3] }])
    expect(match.extra).toEqual(["stranger"])
    const error = await using(join(reference, "mixed.safetensors"), (weights) =>
      Effect.flip(
        requireTensors(weights, "a tiny T5", [
          { name: "shared.weight", shape: [3, 7] },
          { name: "lm_head.weight", shape: [1] },
        ]),
      ),
    )
    expect(error._tag).toBe("TensorsMismatch")
    for (const part of ["a tiny T5", "lm_head.weight", "shared.weight is [7, 3], not [3, 7]", "position_ids"])
      expect(error.message).toContain(part)
  })
})

describe("writing", () => {
  const written = (name: string): WrittenTensor & { readonly bits: Array<number> } => {
    const { dtype, shape, bits: expected } = values[name] ?? { dtype: "float32", shape: [], bits: [] }
    const floats = new Float32Array(Uint32Array.from(expected).buffer)
    return {
      name,
      dtype: dtype === "float16" ? "F16" : dtype === "bfloat16" ? "BF16" : "F32",
      shape,
      bits: expected,
      data: function* () {
        for (let i = 0; i < floats.length; i += 5) yield floats.subarray(i, i + 5)
      },
    }
  }

  it("N110 what is written reads back bit for bit, and the same tensors give the same bytes in any order", async () => {
    const tensors = Object.keys(values).map(written)
    const [one, two] = [join(folder, "one.safetensors"), join(folder, "two.safetensors")]
    const hash = await Effect.runPromise(writeSafetensors(one, tensors, { note: "n", format: "pt" }))
    await Effect.runPromise(writeSafetensors(two, [...tensors].reverse(), { format: "pt", note: "n" }))
    const bytes = await readFile(one)
    expect(bytes.equals(await readFile(two))).toBe(true)
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(hash)
    await using(one, (weights) =>
      Effect.gen(function* () {
        expect(weights.metadata).toEqual({ format: "pt", note: "n" })
        for (const tensor of weights.tensors.values()) expect(tensor.offset % (tensor.dtype === "F32" ? 4 : 2)).toBe(0)
        for (const tensor of tensors) expect(bits(yield* weights.floats(tensor.name)), tensor.name).toEqual(tensor.bits)
      }),
    )
  })

  it("N110 a file written here has the bytes that the reference library writes for the same tensors", async () => {
    const path = join(folder, "shard.safetensors")
    for (const shard of ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]) {
      const original = join(reference, "sharded", shard)
      const names = await using(original, (weights) => Effect.succeed([...weights.tensors.keys()]))
      await Effect.runPromise(writeSafetensors(path, names.map(written)))
      expect((await readFile(path)).equals(await readFile(original)), shard).toBe(true)
    }
  })

  it("N111 floats are narrowed to nearest, ties to even, as numpy and ml_dtypes do", () => {
    const expected: { bits: Array<number>; half: Array<number>; brain: Array<number> } = JSON.parse(
      readFileSync(join(reference, "narrowing.json"), "utf8"),
    )
    const floats = new Float32Array(Uint32Array.from(expected.bits).buffer)
    const narrowed = new Uint16Array(floats.length)
    floatToHalf(floats, narrowed)
    expect([...narrowed]).toEqual(expected.half)
    floatToBfloat(floats, narrowed)
    expect([...narrowed]).toEqual(expected.brain)
  })

  it("N112 too few values are an error, and no file is left", async () => {
    const path = join(folder, "short.safetensors")
    const error = await Effect.runPromise(
      Effect.flip(writeSafetensors(path, [{ name: "a", dtype: "F32", shape: [3], data: () => [new Float32Array(2)] }])),
    )
    expect(error.message).toContain("needs 3 values, but 2")
    expect(existsSync(path)).toBe(false)
    expect(existsSync(`${path}.partial`)).toBe(false)
  })

  it("N110 property: random tensors survive the round trip", async () => {
    const path = join(folder, "property.safetensors")
    const tensor = fc
      .tuple(fc.array(fc.nat(5), { maxLength: 3 }), fc.string({ maxLength: 8 }))
      .chain(([shape, name]) =>
        fc
          .array(fc.float(), { minLength: elements(shape), maxLength: elements(shape) })
          .map((data) => ({ name, shape, data: Float32Array.from(data) })),
      )
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(tensor, { maxLength: 6, selector: (t) => t.name }), async (tensors) => {
        const named = tensors.filter((t) => t.name !== "__metadata__")
        await Effect.runPromise(
          writeSafetensors(
            path,
            named.map((t) => ({ ...t, dtype: "F32", data: () => [t.data] })),
          ),
        )
        await using(path, (weights) =>
          Effect.gen(function* () {
            expect(weights.tensors.size).toBe(named.length)
            for (const t of named) expect(bits(yield* weights.floats(t.name))).toEqual(bits(t.data))
          }),
        )
      }),
      { numRuns: 60 },
    )
  })
})
