/**
 * TensorBoard's event files: records of TFRecord, each an `Event` protocol buffer. A record is its length (64 bits, little-endian),
 * the masked CRC-32C of these eight bytes, the event, and the masked CRC-32C of the event.
 *
 * Sources: `tensorflow/core/lib/io/record_writer.h`, `tensorflow/core/util/event.proto`, `tensorflow/core/framework/summary.proto`.
 */

/** Values of a step, by their tags. */
export interface ScalarEvent {
  readonly step: number
  readonly scalars: ReadonlyArray<readonly [tag: string, value: number]>
}

/** CRC-32C's polynomial, reversed. */
const castagnoli = 0x82f63b78

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ castagnoli : crc >>> 1
  return crc
})

/** CRC-32C of bytes. */
export const crc32c = (bytes: Uint8Array): number => {
  let crc = 0xffffffff
  for (const byte of bytes) crc = table[(crc ^ byte) & 0xff]! ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}

/** A checksum as records have it: turned by 15 bits, plus a constant, so that a checksum of checksums says something. */
const masked = (crc: number): number => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0

const record = (event: Uint8Array): Buffer => {
  const bytes = Buffer.alloc(event.length + 16)
  bytes.writeBigUInt64LE(BigInt(event.length), 0)
  bytes.writeUInt32LE(masked(crc32c(bytes.subarray(0, 8))), 8)
  bytes.set(event, 12)
  bytes.writeUInt32LE(masked(crc32c(event)), event.length + 12)
  return bytes
}

const varint = (value: number): Buffer => {
  const bytes: Array<number> = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80)
  bytes.push(rest)
  return Buffer.from(bytes)
}

/** A field of bytes: a text or a message. */
const field = (number: number, bytes: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from([number * 8 + 2]), varint(bytes.length), bytes])

const double = (number: number, value: number): Buffer => {
  const bytes = Buffer.alloc(9)
  bytes[0] = number * 8 + 1
  bytes.writeDoubleLE(value, 1)
  return bytes
}

const float = (number: number, value: number): Buffer => {
  const bytes = Buffer.alloc(5)
  bytes[0] = number * 8 + 5
  bytes.writeFloatLE(value, 1)
  return bytes
}

/** `Event.step`; a step of 0 is left out, as proto3 has it. */
const stepField = (step: number): Buffer =>
  step === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([16]), varint(step)])

/**
 * An event file of scalars. Values become 32-bit floats, as `simple_value` has them.
 *
 * @param wallTime of every event, in seconds since 1970.
 */
export const eventFile = (wallTime: number, events: ReadonlyArray<ScalarEvent>): Buffer =>
  Buffer.concat([
    record(Buffer.concat([double(1, wallTime), field(3, Buffer.from("brain.Event:2"))])),
    ...events.map(({ scalars, step }) => {
      const values = scalars.map(([tag, value]) =>
        field(1, Buffer.concat([field(1, Buffer.from(tag)), float(2, value)])),
      )
      return record(Buffer.concat([double(1, wallTime), stepField(step), field(5, Buffer.concat(values))]))
    }),
  ])
