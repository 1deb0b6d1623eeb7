/** One list without padding. */
export interface PlainList {
  readonly scores: readonly number[]
  readonly grades: readonly number[]
  readonly teacher: readonly number[]
}

/** A value of one list and its derivative by each score. */
export interface Differentiated {
  readonly value: number
  readonly gradient: readonly number[]
}

export interface PlainLoss extends Differentiated {
  readonly components: Readonly<Record<string, Differentiated>>
}

const sigma = (x: number): number => 1 / (1 + Math.exp(-x))
const softplus = (x: number): number => Math.log1p(Math.exp(-Math.abs(x))) + Math.max(x, 0)
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)

const zero = (n: number): Differentiated => ({ value: 0, gradient: new Array<number>(n).fill(0) })

const combined = (parts: readonly (readonly [weight: number, part: Differentiated])[], n: number): Differentiated => ({
  value: sum(parts.map(([weight, { value }]) => weight * value)),
  gradient: Array.from({ length: n }, (_, i) => sum(parts.map(([weight, part]) => weight * (part.gradient[i] ?? 0)))),
})

/** Ranks from 1: score descending, then position descending. */
export const ranksOf = (scores: readonly number[]): readonly number[] => {
  const order = scores.map((score, i) => ({ score, i })).sort((a, b) => b.score - a.score || b.i - a.i)
  const ranks = new Array<number>(scores.length).fill(0)
  order.forEach(({ i }, at) => {
    ranks[i] = at + 1
  })
  return ranks
}

/** Σ weight · f(s_i − s_j) over pairs of better and worse items, with f's derivative. */
const overPairs = (
  { grades, scores }: PlainList,
  f: (ahead: number, i: number, j: number) => readonly [value: number, slope: number],
  weightOf: (i: number, j: number) => number,
): Differentiated => {
  let value = 0
  const gradient = new Array<number>(scores.length).fill(0)
  for (let i = 0; i < scores.length; i++) {
    for (let j = 0; j < scores.length; j++) {
      if (grades[i]! <= grades[j]!) continue
      const [one, slope] = f(scores[i]! - scores[j]!, i, j)
      value += weightOf(i, j) * one
      gradient[i]! += weightOf(i, j) * slope
      gradient[j]! -= weightOf(i, j) * slope
    }
  }
  return { value, gradient }
}

const meanOverPairs = (
  list: PlainList,
  f: (ahead: number, i: number, j: number) => readonly [value: number, slope: number],
  among: (i: number, j: number) => boolean = () => true,
): Differentiated => {
  const count = overPairs(
    list,
    () => [1, 0],
    (i, j) => Number(among(i, j)),
  ).value
  return count === 0 ? zero(list.scores.length) : overPairs(list, f, (i, j) => Number(among(i, j)) / count)
}

const logistic = (ahead: number): readonly [number, number] => [softplus(-ahead), -sigma(-ahead)]

/** −Σ y log p over the items `among`, and Σ y (1 − p). */
const crossEntropy = (
  list: PlainList,
  among: readonly number[],
): { softmax: Differentiated; missed: Differentiated } => {
  const n = list.scores.length
  const total = sum(among.map((i) => list.grades[i]!))
  if (total === 0) return { softmax: zero(n), missed: zero(n) }
  const largest = Math.max(...among.map((i) => list.scores[i]!))
  const partition = sum(among.map((i) => Math.exp(list.scores[i]! - largest)))
  const p = new Map(among.map((i) => [i, Math.exp(list.scores[i]! - largest) / partition]))
  const y = new Map(among.map((i) => [i, list.grades[i]! / total]))
  const at = (map: ReadonlyMap<number, number>, i: number): number => map.get(i) ?? 0
  const expected = sum(among.map((i) => at(y, i) * at(p, i)))
  const all = Array.from({ length: n }, (_, i) => i)
  return {
    softmax: {
      value: -sum(among.map((i) => at(y, i) * (list.scores[i]! - largest - Math.log(partition)))),
      gradient: all.map((i) => (p.has(i) ? at(p, i) - at(y, i) : 0)),
    },
    // d/ds_i of Σ y p = p_i (y_i − Σ y p)
    missed: { value: 1 - expected, gradient: all.map((i) => -at(p, i) * (at(y, i) - expected)) },
  }
}

/** Each relevant item alone against those of grade 0. */
const contrast = ({ grades, scores }: PlainList): Differentiated => {
  const total = sum(grades)
  const rivals = scores.map((_, i) => i).filter((i) => grades[i] === 0)
  if (total === 0 || rivals.length === 0) return zero(scores.length)
  const partition = sum(rivals.map((i) => Math.exp(scores[i]!)))
  const behind = scores.map((s) => Math.log(partition) - s)
  const slopes = grades.map((grade, i) => (grade / total) * sigma(behind[i]!))
  return {
    value: sum(grades.map((grade, i) => (grade / total) * softplus(behind[i]!))),
    gradient: scores.map((s, i) => (grades[i] === 0 ? (sum(slopes) * Math.exp(s)) / partition : 0) - slopes[i]!),
  }
}

const listMle = ({ grades, scores }: PlainList): Differentiated => {
  const lowest = Math.min(...grades)
  const drawn = scores.map((_, i) => i).filter((i) => grades[i]! > lowest)
  let value = 0
  const gradient = new Array<number>(scores.length).fill(0)
  for (const i of drawn) {
    const rivals = scores.map((_, j) => j).filter((j) => grades[j]! <= grades[i]!)
    const partition = sum(rivals.map((j) => Math.exp(scores[j]!)))
    value += (Math.log(partition) - scores[i]!) / drawn.length
    gradient[i]! -= 1 / drawn.length
    for (const j of rivals) gradient[j]! += Math.exp(scores[j]!) / partition / drawn.length
  }
  return { value, gradient }
}

const lambdaRank = (list: PlainList, gain: "linear" | "exponential", cutoff = Number.POSITIVE_INFINITY) => {
  const gains = list.grades.map((grade) => (gain === "linear" ? grade : 2 ** grade - 1))
  const discount = (rank: number): number => (rank <= cutoff ? 1 / Math.log2(1 + rank) : 0)
  const ideal = sum([...gains].sort((a, b) => b - a).map((each, at) => each * discount(at + 1)))
  const ranks = ranksOf(list.scores)
  return overPairs(
    list,
    (ahead) => logistic(ahead),
    (i, j) => (Math.abs(gains[i]! - gains[j]!) * Math.abs(discount(ranks[i]!) - discount(ranks[j]!))) / ideal,
  )
}

const pointwise = ({ grades, scores }: PlainList, targets: "graded" | "binary"): Differentiated => {
  const n = scores.length
  const highest = Math.max(...grades)
  const y = grades.map((grade) => (targets === "graded" ? grade / highest : Number(grade > 0)))
  return {
    value: sum(scores.map((s, i) => -(y[i]! * Math.log(sigma(s)) + (1 - y[i]!) * Math.log(1 - sigma(s))))) / n,
    gradient: scores.map((s, i) => (sigma(s) - y[i]!) / n),
  }
}

/** The losses whose closed forms stand here, with their settings. */
export type KnownLoss =
  | { readonly kind: "pairwise" | "softmax" | "listmle" | "infonce" }
  | { readonly kind: "marginmse"; readonly scale?: number }
  | { readonly kind: "pointwise"; readonly targets: "graded" | "binary" }
  | { readonly kind: "hinge"; readonly margin: number }
  | { readonly kind: "poly1"; readonly epsilon: number }
  | { readonly kind: "lambdarank"; readonly gain: "linear" | "exponential"; readonly cutoff?: number }
  | {
      readonly kind: "hybrid"
      readonly alpha: number
      readonly k: number
      readonly scope: "all" | "remainder" | "remainder+relevant"
    }

/** Every loss of the registry, with the settings that its expression is compared under. */
export const knownLosses: readonly KnownLoss[] = [
  { kind: "pointwise", targets: "graded" },
  { kind: "pointwise", targets: "binary" },
  { kind: "pairwise" },
  { kind: "hinge", margin: 0.705 },
  { kind: "softmax" },
  { kind: "poly1", epsilon: 1.5 },
  { kind: "listmle" },
  { kind: "lambdarank", gain: "linear" },
  { kind: "lambdarank", gain: "exponential", cutoff: 3 },
  { kind: "marginmse" },
  { kind: "marginmse", scale: 2.5 },
  { kind: "infonce" },
  { kind: "hybrid", alpha: 0.3, k: 2, scope: "all" },
  { kind: "hybrid", alpha: 0.3, k: 2, scope: "remainder" },
  { kind: "hybrid", alpha: 0.3, k: 2, scope: "remainder+relevant" },
]

const componentsOf = (
  loss: KnownLoss,
  list: PlainList,
): readonly (readonly [name: string, weight: number, part: Differentiated])[] => {
  const all = list.scores.map((_, i) => i)
  switch (loss.kind) {
    case "pointwise":
      return [[loss.kind, 1, pointwise(list, loss.targets)]]
    case "pairwise":
      return [[loss.kind, 1, meanOverPairs(list, logistic)]]
    case "hinge":
      return [
        [loss.kind, 1, meanOverPairs(list, (ahead) => (ahead < loss.margin ? [loss.margin - ahead, -1] : [0, 0]))],
      ]
    case "softmax":
      return [[loss.kind, 1, crossEntropy(list, all).softmax]]
    case "poly1": {
      const { missed, softmax } = crossEntropy(list, all)
      return [
        ["softmax", 1, softmax],
        ["missed", loss.epsilon, missed],
      ]
    }
    case "infonce":
      return [[loss.kind, 1, contrast(list)]]
    case "listmle":
      return [[loss.kind, 1, listMle(list)]]
    case "lambdarank":
      return [[loss.kind, 1, lambdaRank(list, loss.gain, loss.cutoff)]]
    case "marginmse":
      return [
        [
          loss.kind,
          1,
          meanOverPairs(list, (ahead, i, j) => {
            const off = ahead - (loss.scale ?? 1) * (list.teacher[i]! - list.teacher[j]!)
            return [off * off, 2 * off]
          }),
        ],
      ]
    case "hybrid": {
      const ranks = ranksOf(list.scores)
      const scope = all.filter(
        (i) =>
          loss.scope === "all" || ranks[i]! > loss.k || (loss.scope === "remainder+relevant" && list.grades[i]! > 0),
      )
      const pairwise = meanOverPairs(list, logistic, (i, j) => Math.min(ranks[i]!, ranks[j]!) <= loss.k)
      return [
        ["pairwise", loss.alpha, pairwise],
        ["softmax", 1 - loss.alpha, crossEntropy(list, scope).softmax],
      ]
    }
  }
}

/** Whether a list has something to say. */
export const countsIn = ({ grades }: PlainList): boolean => Math.max(...grades) > Math.max(0, Math.min(...grades))

/** A loss of one list from its definition, in 64-bit floats, and its gradient by hand. Grades are at least 0. */
export const plainLoss = (loss: KnownLoss, list: PlainList): PlainLoss => {
  const n = list.scores.length
  const parts = componentsOf(loss, list)
  return {
    ...combined(
      parts.map(([, weight, part]) => [weight, part]),
      n,
    ),
    components: Object.fromEntries(parts.map(([name, , part]) => [name, part])),
  }
}
