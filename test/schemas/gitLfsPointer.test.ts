import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { Onnx, openTokenizer, openWeights, readConfig } from "../../neural/index.ts"
import { gitLfsPointer } from "../../schemas/index.ts"
import { fileChunks } from "../../stages/ingest/read/files.ts"

const pointer = `version https://git-lfs.github.com/spec/v1
oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
size 437955512
`

let root: string
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "rankdag-lfs-"))
})
afterAll(() => rmSync(root, { recursive: true }))

/** A folder of its own whose named file is a pointer. */
const folderWith = (name: string): string => {
  const folder = mkdtempSync(join(root, "m-"))
  writeFileSync(join(folder, name), pointer)
  return folder
}

const said = /pointer of Git LFS, and not the file of 437955512 bytes that it stands for\. Run git lfs pull/

const failing = <A, E>(effect: Effect.Effect<A, E>): Promise<E> => Effect.runPromise(Effect.flip(effect))

describe("a pointer of Git LFS", () => {
  it("I100 is told from any other file by its first lines", () => {
    const later = pointer.replace("\noid", "\next-0-fold sha256:4d7a2146\noid")
    for (const text of [pointer, pointer.replaceAll("\n", "\r\n"), later, pointer.replace("git-lfs", "hawser")]) {
      expect(gitLfsPointer(text)).toMatchObject({ problem: expect.stringContaining("437955512 bytes") })
      expect(gitLfsPointer(Buffer.from(text))).toEqual(gitLfsPointer(text))
    }
    for (const text of [
      "",
      ` ${pointer}`,
      "version https://git-lfs.github.com/spec/v1\n",
      `1\t${pointer}`,
      pointer + "x".repeat(900),
    ]) {
      expect(gitLfsPointer(text)).toBeUndefined()
    }
  })

  it.each(["model.safetensors", "model.safetensors.index.json"])(
    "I100 in the place of weights (%s) is named with what to do",
    async (name) => {
      const folder = folderWith(name)
      const error = await failing(Effect.scoped(openWeights(folder)))
      expect(error.message).toMatch(said)
      expect(error.message).toContain(join(folder, name))
    },
  )

  it("I100 in the place of a weights file among several is named", async () => {
    const folder = folderWith("a.safetensors")
    writeFileSync(join(folder, "model.safetensors.index.json"), JSON.stringify({ weight_map: { w: "a.safetensors" } }))
    expect((await failing(Effect.scoped(openWeights(folder)))).message).toMatch(said)
  })

  it.each(["tokenizer.json", "tokenizer.model", "vocab.txt"])(
    "I100 in the place of a tokenizer (%s) is named",
    async (name) => {
      expect((await failing(openTokenizer(folderWith(name)))).message).toMatch(said)
    },
  )

  it("I100 in the place of config.json or of an ONNX model is named", async () => {
    expect((await failing(readConfig(folderWith("config.json")))).message).toMatch(said)
    expect(() => Onnx.readInterfaceFile(join(folderWith("model.onnx"), "model.onnx"))).toThrow(said)
  })

  it("I100 in the place of a corpus, queries, judgements or a run is named", async () => {
    const folder = folderWith("corpus.jsonl.gz")
    const reading = async () => {
      for await (const chunk of fileChunks(join(folder, "corpus.jsonl.gz"), "corpus.jsonl.gz")) return chunk
      return undefined
    }
    await expect(reading()).rejects.toThrow(/^corpus\.jsonl\.gz: this is a/)
    await expect(reading()).rejects.toThrow(said)
  })
})
