import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { gzipSync } from "node:zlib"
import fc from "fast-check"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { isIngestError } from "../../../stages/ingest/IngestError.ts"
import { fileChunks } from "../../../stages/ingest/read/files.ts"
import { XxHash64 } from "../../../stages/ingest/read/XxHash64.ts"
import { unpackZstandard, ZstandardError } from "../../../stages/ingest/read/zstandard.ts"

const reference = resolve(import.meta.dirname, "../../reference/zstandard")
const packed = readdirSync(reference).filter((name) => name.endsWith(".zst") && !name.startsWith("too-large"))

/** What `make.py` packs. */
const lines = (): Buffer => {
  let text = ""
  for (let i = 0; i < 1500; i++) text += `${i}\t${(i * i) % 97} passage ${i % 13} of ${i % 7}\n`
  return Buffer.from(`${text}${"a".repeat(200_000)}\n`)
}

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "rankdag-files-"))
})
afterAll(() => rmSync(folder, { recursive: true }))

const read = async (path: string, shown: string): Promise<Buffer> => {
  const pieces: Array<Uint8Array> = []
  for await (const chunk of fileChunks(path, shown)) pieces.push(chunk)
  return Buffer.concat(pieces)
}

const unpack = async (bytes: Uint8Array, size: number): Promise<Buffer> => {
  async function* pieces() {
    for (let from = size; from < bytes.length; from += size) yield bytes.subarray(from, from + size)
  }
  const unpacked: Array<Uint8Array> = []
  for await (const piece of unpackZstandard(bytes.subarray(0, size), pieces())) unpacked.push(piece)
  return Buffer.concat(unpacked)
}

describe("packed files", () => {
  it.each(packed)("I101 Zstandard of the reference implementation is unpacked, whatever the name: %s", async (name) => {
    expect((await read(join(reference, name), "corpus.jsonl")).equals(lines())).toBe(true)
    const bytes = readFileSync(join(reference, name))
    for (const size of [1, 7, 1000]) expect((await unpack(bytes, size)).equals(lines())).toBe(true)
  })

  it("I101 what has a checksum and is changed or cut anywhere is an error, and never other bytes", async () => {
    const whole = readFileSync(join(reference, "level-19-checksum.zst"))
    const expected = lines()
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: whole.length - 1 }), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const changed = Uint8Array.from(whole)
        changed[at] = changed[at]! ^ change
        for (const bytes of [changed, whole.subarray(0, at)]) {
          try {
            // Fields of the header that decide nothing may change.
            expect((await unpack(bytes, 4096)).equals(expected) || bytes.length === 0).toBe(true)
          } catch (error) {
            if (!(error instanceof ZstandardError)) throw error
          }
        }
      }),
      { numRuns: 150 },
    )
  })

  it("I101 data without a checksum that are cut, that go on as something else, or need too much memory are named", async () => {
    const whole = readFileSync(join(reference, "level-1.zst"))
    const cases: ReadonlyArray<readonly [string, Uint8Array, RegExp]> = [
      ["cut", whole.subarray(0, -1), /^cut: the Zstandard data ends within a frame\. The file was cut short/],
      ["more", Buffer.concat([whole, Buffer.from("more")]), /^more: the Zstandard data is damaged\. Fetch/],
      ["large", readFileSync(join(reference, "too-large-a-window.zst")), /needs a window of 268435456 bytes\. Pack/],
      ["dictionary", Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x01, 0x58, 0x07, 0x01, 0, 0]), /needs a dictionary\. Pack/],
    ]
    for (const [name, bytes, message] of cases) {
      writeFileSync(join(folder, name), bytes)
      await expect(read(join(folder, name), name)).rejects.toThrow(message)
    }
    writeFileSync(join(folder, "empty.zst"), "")
    await expect(read(join(folder, "empty.zst"), "empty.zst")).rejects.toThrow(/empty\.zst: the file is empty/)
  })

  it("I101 the checksum is XXH64, however its bytes are cut", () => {
    // python -c "import xxhash; print(xxhash.xxh64(bytes(range(101))).hexdigest())"
    const bytes = Uint8Array.from({ length: 101 }, (_, i) => i)
    for (const size of [1, 5, 31, 32, 33, 101]) {
      const hash = new XxHash64()
      for (let from = 0; from < 101; from += size) hash.update(bytes.subarray(from, from + size))
      expect(hash.digest().toString(16)).toBe("e99038495f85381e")
    }
    expect(new XxHash64().digest().toString(16)).toBe("ef46db3751d8e999")
  })

  it.each([
    ["LZ4", [0x04, 0x22, 0x4d, 0x18, 0x64], /this is LZ4 data\. Unpack it \(lz4 -d\)\. Where ranx wrote it/],
    ["bzip2", [...Buffer.from("BZh91AY")], /this is bzip2 data\. Unpack it/],
    ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], /this is xz data\. Unpack it/],
    ["zip", [...Buffer.from("PK\u0003\u0004")], /this is a zip archive\. Unpack it/],
    ["Parquet", [...Buffer.from("PAR1")], /this is Parquet, and not text/],
    ["UTF-16", [0xff, 0xfe, 0x71, 0], /this is UTF-16\. Convert it to UTF-8 \(iconv -f UTF-16/],
    ["a pickle", [0x80, 4, 0x95], /this is a Python pickle/],
  ])("I102 %s is refused as what it is, with what to do", async (name, bytes, message) => {
    const path = join(folder, "foreign")
    writeFileSync(path, Uint8Array.from(bytes))
    const error = await read(path, "run.trec").catch((cause: unknown) => cause)
    expect(isIngestError(error) ? error.message : `${name}: not refused`).toMatch(message)
  })

  it("I192 what is inside of a packed file is told as what it is; a file that is packed twice is refused", async () => {
    const path = join(folder, "packed")
    const refused = async (bytes: Uint8Array) => {
      writeFileSync(path, gzipSync(bytes))
      const error = await read(path, "run.gz").catch((cause: unknown) => cause)
      return isIngestError(error) ? error.message : "not refused"
    }
    expect(await refused(Buffer.from("PAR1xxxx"))).toMatch(/Parquet/)
    expect(await refused(Buffer.from([0xff, 0xfe, 0x71, 0x00]))).toMatch(/UTF-16/)
    expect(await refused(gzipSync("q Q0 d 1 1 t\n"))).toMatch(/packed twice/)
    expect(await refused(Buffer.from("q Q0 d 1 1 t\n"))).toBe("not refused")
  })
})
