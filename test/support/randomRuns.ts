/**
 * Random run/qrels pairs, the same as test/reference/measures/generate.py draws: ties in scores, queries that the run
 * misses or the qrels do not judge, unjudged documents, negative grades, grades up to 4, docids whose order by UTF-16
 * units is not their order by UTF-8 bytes.
 */

/** mulberry32. */
class Random {
  private state: number
  constructor(seed: number) {
    this.state = seed | 0
  }

  below(n: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0
    let t = this.state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) % n
  }
}

export interface RandomQuery {
  readonly qid: string
  readonly run: ReadonlyArray<{ readonly docid: string; readonly score: number }>
  readonly qrels: ReadonlyArray<{ readonly docid: string; readonly grade: number }>
}

const prefixes = ["d", "D-", "é", "文", "～", "😀", "𝒳"]

const score = (random: Random, mode: number): number => {
  if (mode === 0) return random.below(4)
  if (mode === 1) return random.below(256) / 16 - 4
  if (mode === 2) {
    const mantissa = random.below(1 << 24)
    const exponent = random.below(40)
    return (random.below(4) === 0 ? -mantissa : mantissa) * 2 ** (exponent - 44)
  }
  return 1.5
}

const grade = (random: Random, mode: number): number => {
  if (mode === 0) return 1
  if (mode === 1) return random.below(2)
  if (mode === 2) return random.below(5)
  if (mode === 3) return random.below(7) - 2
  if (mode === 4) return 0
  if (mode === 5) return -1
  return random.below(12) === 0 ? 4 : random.below(3) - 1
}

export const randomPair = (index: number): ReadonlyArray<RandomQuery> => {
  const random = new Random((index * 2654435761 + 12345) % 2 ** 32)
  const count = 1 + random.below(4)
  return Array.from({ length: count }, (_, number) => {
    const size = 1 + random.below(random.below(6) === 0 ? 150 : 30)
    const scoreMode = random.below(3) === 0 ? random.below(4) : 1 + random.below(2)
    const gradeMode = random.below(7)
    const retrievedIn8 = random.below(8) === 0 ? 0 : 1 + random.below(8)
    const judgedIn8 = random.below(10) === 0 ? 0 : 1 + random.below(8)
    const run: Array<{ docid: string; score: number }> = []
    const qrels: Array<{ docid: string; grade: number }> = []
    for (let position = 0; position < size; position++) {
      const docid = `${prefixes[random.below(prefixes.length)]}${position}`
      const value = score(random, scoreMode)
      const level = grade(random, gradeMode)
      if (random.below(8) < retrievedIn8) run.push({ docid, score: value })
      if (random.below(8) < judgedIn8) qrels.push({ docid, grade: level })
    }
    if (qrels.length > 0 && qrels.every((qrel) => qrel.grade < 0)) qrels[0]!.grade = 0
    return { qid: String(index * 10 + number + 1), run, qrels }
  })
}
