import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  type Labels,
  labelsText,
  meets,
  needsOf,
  needsOfQueue,
  queueOf,
  readLabels,
} from "../../../pipeline/execute/Labels.ts"
import { needsWords, placeWords } from "../../../pipeline/execute/Slurm.ts"
import { type StageNode, stage } from "../../../pipeline/index.ts"
import { Hardware, Kinds } from "../../../schemas/index.ts"

const read = (text: string): Labels => Either.getOrThrow(readLabels(text))

const scored = stage({
  name: "rerank",
  config: Schema.Struct({ hardware: Hardware }),
  inputs: {},
  outputs: { run: Kinds.Run },
  code: "stages/rerank/rerank.ts",
  load: () => Promise.reject(new Error("nothing is run")),
})

const node = (device: Hardware["device"], label: string): StageNode => {
  const wired = scored({ hardware: { device, name: "a card" } }, {}, label).run.node
  if (wired._tag === "SourceNode") throw new Error("it is a stage")
  return wired
}

describe("labels of machines", () => {
  it("C198 are words and amounts; what is none is told", () => {
    expect([...read("gpu,mem=80,a100=2")]).toEqual([
      ["gpu", 1],
      ["mem", 80],
      ["a100", 2],
    ])
    expect(read("").size).toBe(0)
    for (const wrong of ["GPU", "mem=", "mem=0", "mem=8.5", "a b", "=3", "mem=80G", "x=1=2"]) {
      expect(Either.isLeft(readLabels(wrong)), wrong).toBe(true)
    }
  })

  it("C198 a machine meets what it has enough of", () => {
    const has = read("gpu=2,mem=80")
    expect(["", "gpu", "gpu=2", "mem=80", "gpu,mem=40"].map((needs) => meets(has, read(needs)))).not.toContain(false)
    expect(["gpu=3", "mem=81", "cores=1", "gpu,fast"].map((needs) => meets(has, read(needs)))).not.toContain(true)
  })

  it("C198 a queue's name says what its tasks need", () => {
    const label = fc.tuple(fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/), fc.integer({ min: 1, max: 999 }))
    fc.assert(
      fc.property(fc.uniqueArray(label, { maxLength: 4, selector: ([name]) => name }), (labels) => {
        const needs = read(labelsText(new Map(labels)))
        const queue = queueOf(needs)
        expect(queue).toMatch(/^rankdag(\.[a-z0-9-]+)*$/)
        expect(needsOfQueue(queue)).toEqual(needs)
      }),
    )
    expect(needsOfQueue("another.gpu")).toBeUndefined()
    expect(needsOfQueue("rankdag.GPU")).toBeUndefined()
  })

  it("C198 a node needs what is said of it, its stage or its name's beginning, and a card where it is planned for one", () => {
    const asked = [
      { of: "rerank", labels: read("mem=40") },
      { of: "rerank.large", labels: read("gpu=2,mem=16") },
      { of: "train", labels: read("fast") },
    ]
    expect(labelsText(needsOf(node("cpu", "small"), asked))).toBe("mem=40")
    expect(labelsText(needsOf(node("cpu", "large"), asked))).toBe("gpu=2,mem=40")
    expect(labelsText(needsOf(node("cuda", "small"), asked))).toBe("gpu,mem=40")
    expect(labelsText(needsOf(node("webgpu", "small"), []))).toBe("gpu")
    expect(queueOf(needsOf(node("cuda", "large"), asked))).toBe("rankdag.gpu-2.mem-40")
  })

  it("C190 what goes on with a run that left is given where it runs and on whose account, and not what it takes", () => {
    const words = [
      "--partition=gpu",
      "--gres=gpu:1",
      "-A",
      "lab",
      "-t",
      "4:00:00",
      "--qos",
      "low",
      "-pcpu",
      "--mem=80G",
    ]
    expect(placeWords(words)).toEqual(["--partition=gpu", "-A", "lab", "--qos", "low", "-pcpu"])
    expect(placeWords(["--account"])).toEqual([])
  })

  it("C198 in Slurm's words they are cards, gigabytes, cores and features", () => {
    expect(needsWords(read("gpu=2,mem=80,cores=8"))).toEqual(["--gres=gpu:2", "--mem=80G", "--cpus-per-task=8"])
    expect(needsWords(read("a100,ib"))).toEqual(["--constraint=a100&ib"])
    expect(needsWords(read(""))).toEqual([])
  })
})
