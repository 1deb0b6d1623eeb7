import { describe, expect, it } from "vitest"
import { unreadable } from "../../stages/ingest/unreadable.ts"

describe("what the system says of a file", () => {
  it.each([
    ["ENOENT", "missing", /no such file or folder/],
    ["EACCES", "denied", /reading it is not permitted/],
    ["EPERM", "denied", /reading it is not permitted/],
    ["EISDIR", "a folder", /a folder stands where a file is due/],
    ["ENOTDIR", "not a folder", /a file stands where a folder is due/],
    ["ELOOP", "missing", /links lead in a circle/],
    ["Z_BUF_ERROR", "truncated", /ends before its end mark/],
    ["Z_DATA_ERROR", "corrupt", /damaged/],
    ["EIO", "failed", /the disk said so/],
  ])("I32 %s is told as %s", (code, reason, message) => {
    const error = unreadable("corpus.jsonl", Object.assign(new Error("the disk said so"), { code }))
    expect(error.reason).toBe(reason)
    expect(error.message).toMatch(/^corpus\.jsonl: /)
    expect(error.message).toMatch(message)
  })
})
