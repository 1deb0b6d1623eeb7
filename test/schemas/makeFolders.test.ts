import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { makeFolders } from "../../schemas/index.ts"

const scratch = mkdtempSync(join(tmpdir(), "rankdag-folders-"))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

describe("folders", () => {
  it("C141 a folder is made with those above it, and one that is there is left", () => {
    for (const path of [join(scratch, "a/b/c"), join(scratch, "a/b/c"), join(scratch, "a/b/d")]) makeFolders(path)
    expect(existsSync(join(scratch, "a/b/d"))).toBe(true)
  })

  it("C141 below a file, or a link that leads nowhere, the system's error comes back", () => {
    writeFileSync(join(scratch, "file"), "")
    symlinkSync(join(scratch, "nowhere"), join(scratch, "link"))
    expect(() => makeFolders(join(scratch, "file/x"))).toThrow("ENOTDIR")
    expect(() => makeFolders(join(scratch, "link/x"))).toThrow("ENOENT")
  })

  it.runIf(process.platform === "linux")("C141 where the system denies what is there, it is said at once", () => {
    for (const path of ["/proc/none", "/proc/none/x/y", "/proc/self/none/x"]) {
      expect(() => makeFolders(path)).toThrow("ENOENT")
    }
  })
})
