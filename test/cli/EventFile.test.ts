import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { crc32c, eventFile } from "../../cli/EventFile.ts"

const reference = join(import.meta.dirname, "../reference/tensorboard/events.out.tfevents.1700000000.reference")

describe("event files", () => {
  it("L130 an event file is, byte for byte, TensorBoard's own", () => {
    const bytes = eventFile(1_700_000_000.25, [
      {
        step: 0,
        scalars: [
          ["loss", 1.5],
          ["epoch", 0],
        ],
      },
      {
        step: 1,
        scalars: [
          ["loss", 0.1],
          ["dev.nDCG@10", 0.33333334],
          ["epoch", 0.5],
        ],
      },
      {
        step: 200,
        scalars: [
          ["learningRate.größe", 1e-5],
          ["epoch", 3.25],
        ],
      },
      {
        step: 70_000,
        scalars: [
          ["loss", -0],
          ["epoch", 1000],
        ],
      },
    ])
    expect(bytes.toString("hex")).toBe(readFileSync(reference).toString("hex"))
  })

  it("L130 the checksum is CRC-32C with its usual check value", () => {
    expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283)
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
  })
})
