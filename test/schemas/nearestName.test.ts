import { describe, expect, it } from "vitest"
import { didYouMean, nearestName } from "../../schemas/index.ts"

describe("nearest names", () => {
  it("L1 a slip of the finger finds the name that was meant", () => {
    const known = ["retrieve.bm25.k1", "retrieve.bm25.b", "evaluate.measures", "beir/scifact", "synthetic"]
    expect(nearestName("retreive.bm25.k1", known)).toBe("retrieve.bm25.k1")
    expect(nearestName("measures", known)).toBe("evaluate.measures")
    expect(nearestName("scifact", known)).toBe("beir/scifact")
    expect(nearestName("SYNTHETIC", known)).toBe("synthetic")
    expect(nearestName("synthteic", known)).toBe("synthetic")
  })

  it("L1 nothing near is nothing", () => {
    expect(nearestName("elsewhere", ["synthetic", "folder"])).toBeUndefined()
    expect(didYouMean("elsewhere", ["synthetic"])).toBe("")
    expect(nearestName("x", [])).toBeUndefined()
  })
})
