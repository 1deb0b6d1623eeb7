import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import {
  checkPlanDocument,
  makePlan,
  nodesNamed,
  PlanDocument,
  planDocument,
  renderGraph,
  selectTargets,
  sourceFiles,
} from "../../../pipeline/index.ts"
import { diamond, join_, load, make, planOf } from "../../support/smallDag.ts"

const config = (node: string) => ({ node, text: node, used: true })

const names = (plan: ReturnType<typeof diamond>) => plan.nodes.map(({ node }) => node.name)

const retrieval = () => {
  const passages = make(config("p"), {}, "passages").text
  const bm25 = join_(config("b"), { texts: [passages] }, "bm25").text
  const scifact = join_(config("t"), { texts: [passages] }, "tfidf@scifact").text
  const nfcorpus = join_(config("u"), { texts: [passages] }, "tfidf@nfcorpus").text
  return planOf({ eval: [bm25, scifact], all: [bm25, scifact, nfcorpus] })
}

describe("plans", () => {
  it("C40 nodes follow what they need, in an order that is a function of the wiring alone", () => {
    expect(names(diamond())).toEqual(["make.a", "join.left", "join.right", "join.top", "count"])
    expect(names(diamond())).toEqual(names(diamond()))
    for (const { index, dependencies } of diamond().nodes) {
      for (const dependency of dependencies) expect(dependency).toBeLessThan(index)
    }
  })

  it("C41 two nodes of one name, and names that cannot be file names, are refused", () => {
    const twice = makePlan({ eval: [make(config("x"), {}, "a").text, make(config("y"), {}, "a").text] })
    expect(Either.getOrThrow(Either.flip(twice)).message).toContain("Two nodes are named «make.a»")
    for (const label of ["../up", "a b", "a/b", 'a"', ""]) {
      const plan = makePlan({ eval: make(config("x"), {}, label).text })
      if (label === "") expect(Either.isRight(plan)).toBe(true)
      else expect(Either.getOrThrow(Either.flip(plan)).reason).toBe("InvalidName")
    }
  })

  it("C42 a target is a name of the wiring's, a node, a stage, or a beginning up to a dot or an at sign", () => {
    const select = (...given: ReadonlyArray<string>) => names(Either.getOrThrow(selectTargets(retrieval(), given)))
    expect(select("eval")).toEqual(["make.passages", "join.bm25", "join.tfidf@scifact"])
    expect(select("join.bm25")).toEqual(["make.passages", "join.bm25"])
    expect(select("join.tfidf")).toEqual(["make.passages", "join.tfidf@scifact", "join.tfidf@nfcorpus"])
    expect(select("join")).toHaveLength(4)
    expect(select("make")).toEqual(["make.passages"])
    expect(select("join.bm25", "make")).toEqual(["make.passages", "join.bm25"])
    expect([...Either.getOrThrow(nodesNamed(retrieval(), ["join.tfidf"]))]).toEqual([
      "join.tfidf@scifact",
      "join.tfidf@nfcorpus",
    ])
  })

  it("C43 an unknown target is an error that suggests the nearest name", () => {
    const unknown = (given: string) => Either.getOrThrow(Either.flip(selectTargets(retrieval(), [given])))
    expect(unknown("evla")).toMatchObject({ suggestion: "eval" })
    expect(unknown("join.bm2").message).toContain("Did you mean «join.bm25»?")
    expect(unknown("join.tfid@scifact")).toMatchObject({ suggestion: "join.tfidf@scifact" })
    expect(unknown("zzzzzzzzzzz").suggestion).toBe(undefined)
    expect(unknown("zzzzzzzzzzz").message).toContain("make.passages")
    expect(unknown("constructor").suggestion).toBe(undefined)
  })

  it("C44 a plan is plain data: it survives JSON, and wiring the same twice gives equal documents", () => {
    const document = planDocument(retrieval())
    expect(planDocument(retrieval())).toEqual(document)
    const read = Schema.decodeUnknownSync(Schema.parseJson(PlanDocument))(JSON.stringify(document))
    expect(Either.getOrThrow(checkPlanDocument(read))).toEqual(document)
  })

  it("C45 a plan from outside is checked: circles, unknown inputs, names, targets", () => {
    const document = planDocument(diamond())
    const changed = (change: (text: string) => string) =>
      Either.flip(
        checkPlanDocument(Schema.decodeUnknownSync(Schema.parseJson(PlanDocument))(change(JSON.stringify(document)))),
      )
    const circle = Either.getOrThrow(changed((text) => text.replace('"node":"make.a"', '"node":"join.top"')))
    expect(circle.reason).toBe("Cycle")
    expect(circle.message).toContain("«join.left» → «join.top» → «join.left»")
    expect(Either.getOrThrow(changed((text) => text.replace('"node":"make.a"', '"node":"nothing"'))).reason).toBe(
      "UnknownInput",
    )
    expect(Either.getOrThrow(changed((text) => text.replace('"name":"make.a"', '"name":"join.top"'))).reason).toBe(
      "DuplicateName",
    )
    expect(Either.getOrThrow(changed((text) => text.replace('"name":"make.a"', '"name":"../a"'))).reason).toBe(
      "InvalidName",
    )
    expect(Either.getOrThrow(changed((text) => text.replace('"eval":["count"]', '"eval":["nothing"]'))).reason).toBe(
      "UnknownTargetNode",
    )
    // Out of order is no error: it is put in order.
    const shuffled = { ...document, nodes: [...document.nodes].reverse() }
    expect(Either.getOrThrow(checkPlanDocument(shuffled)).nodes.map(({ name }) => name)[0]).toBe("make.a")
  })

  it("C46 a plan is drawn in mermaid, dot and JSON, with colours where states are given", () => {
    const source = sourceFiles({ name: "files", root: "/data", files: ["a.txt"] })
    const plan = planOf({ eval: load(config("l"), { files: source }).text })
    const states = new Map([
      ["load", "run" as const],
      ["files", "source" as const],
    ])
    expect(renderGraph(plan, "mermaid", states)).toBe(
      [
        "flowchart TD",
        '  n0[("files")]:::source',
        '  n1["load"]:::run',
        "  n0 -->|source-files| n1",
        "  classDef source fill:#e8e8e8,stroke:#666",
        "  classDef run fill:#ffe0b2,stroke:#666",
        "",
      ].join("\n"),
    )
    expect(renderGraph(plan, "dot", states)).toContain('n1 [label="load", fillcolor="#ffe0b2", tooltip="run"]')
    const json: { nodes: ReadonlyArray<unknown> } = JSON.parse(renderGraph(plan, "json", states))
    expect(json.nodes[1]).toMatchObject({ name: "load", state: "run" })
    expect(renderGraph(plan, "mermaid")).not.toContain("classDef")
  })
})
