import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { beforeAll, describe, expect, it, vi } from "vitest"
import { crc32c } from "../../cli/EventFile.ts"
import { dag } from "../support/commandLine.ts"
import { temporaryFolder } from "../support/storedTable.ts"

const home = temporaryFolder("cli-log")
const at = ["--artifacts", join(home, "store")]

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 })

interface Row {
  readonly system: string
  readonly step: number
  readonly epoch: number
  readonly phase: string
  readonly series: string
  readonly value: number
}

/** Tag, step and value of every scalar, each record's checksum looked at; read by the wire format alone. */
const scalarsOf = (bytes: Buffer): ReadonlyArray<readonly [tag: string, step: number, value: number]> => {
  const found: Array<readonly [string, number, number]> = []
  const fields = (message: Buffer): ReadonlyArray<readonly [number, Buffer | number]> => {
    const all: Array<readonly [number, Buffer | number]> = []
    let from = 0
    const varint = (): number => {
      let [value, scale] = [0, 1]
      for (;;) {
        const byte = message[from++]!
        value += (byte & 127) * scale
        if (byte < 128) return value
        scale *= 128
      }
    }
    while (from < message.length) {
      const tag = varint()
      const wire = tag & 7
      const length = wire === 0 ? 0 : wire === 1 ? 8 : wire === 5 ? 4 : varint()
      all.push([tag >> 3, wire === 0 ? varint() : message.subarray(from, from + length)])
      from += length
    }
    return all
  }
  const part = (message: Buffer, number: number) => fields(message).find(([field]) => field === number)?.[1]
  for (let from = 0; from < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(from))
    const event = bytes.subarray(from + 12, from + 12 + length)
    const crc = crc32c(event)
    expect(bytes.readUInt32LE(from + 12 + length)).toBe((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0)
    from += length + 16
    const summary = part(event, 5)
    if (!Buffer.isBuffer(summary)) continue
    for (const [, value] of fields(summary)) {
      if (!Buffer.isBuffer(value)) continue
      const [tag, number] = [part(value, 1), part(value, 2)]
      if (!Buffer.isBuffer(number)) continue
      found.push([String(tag), Number(part(event, 2) ?? 0), number.readFloatLE()])
    }
  }
  return found
}

describe.sequential("training curves", () => {
  let rows: ReadonlyArray<Row> = []

  beforeAll(async () => {
    const sizes = ["passages=300", "trainQuestions=40", "trainBrowse=10", "heldOutQuestions=6", "heldOutBrowse=6"]
    const made = await dag(
      ...["--target", "train", "--device", "cpu", ...at],
      ...sizes.flatMap((size) => ["--set", `ingest.${size}`]),
      ...["--set", "train.steps=4", "--set", 'train.losses=["softmax"]'],
    )
    expect(made.code, made.err).toBe(0)
    const sql = 'SELECT * FROM training_log ORDER BY system COLLATE "C", step, series COLLATE "C"'
    rows = JSON.parse((await dag("sql", sql, "--format", "json", ...at)).out)
    expect(rows.length).toBeGreaterThan(8)
  })

  it("L131 the log as CSV has every row with every digit", async () => {
    const { out } = await dag("export", "log", ...at)
    const [heading, ...lines] = out.trimEnd().split("\n")
    expect(heading).toBe("dataset,system,step,epoch,phase,series,value")
    expect(lines).toEqual(
      rows.map(({ system, step, epoch, phase, series, value }) =>
        ["synthetic", system, step, epoch, phase, series, value].join(","),
      ),
    )
  })

  it("L130 an event file has the log's values as 32-bit floats and the epochs; a second export is refused", async () => {
    const to = join(home, "curves")
    const words = ["export", "log", "--format", "tensorboard", "--to", to, ...at]
    const first = await dag(...words)
    expect(first.code, first.err).toBe(0)
    const systems = [...new Set(rows.map(({ system }) => system))]
    expect(readdirSync(to).toSorted()).toEqual(systems.toSorted())
    for (const system of systems) {
      const [file = ""] = readdirSync(join(to, system))
      expect(file).toMatch(/^events\.out\.tfevents\.\d{10}\.rankdag$/)
      const own = rows.filter((row) => row.system === system)
      const scalars = scalarsOf(readFileSync(join(to, system, file)))
      expect(scalars.filter(([tag]) => tag !== "epoch")).toEqual(
        own.map(({ series, step, value }) => [series, step, Math.fround(value)]),
      )
      const epochs = new Map(own.map(({ epoch, step }) => [step, Math.fround(epoch)]))
      expect(new Map(scalars.flatMap(([tag, step, value]) => (tag === "epoch" ? [[step, value]] : [])))).toEqual(epochs)
    }
    const second = await dag(...words)
    expect([second.code, second.err]).toEqual([2, expect.stringContaining("--force")])
    expect((await dag(...words, "--force")).out).toBe(first.out)
    const nowhere = await dag("export", "log", "--format", "tensorboard", ...at)
    expect([nowhere.code, nowhere.err]).toEqual([2, expect.stringContaining("--to")])
    const unknown = await dag("export", "log", "--system", "t5-sofmax", ...at)
    expect([unknown.code, unknown.err]).toEqual([2, expect.stringContaining("Did you mean")])
  })
})
