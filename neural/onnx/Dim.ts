/**
 * Sizes that are known when a graph runs, not when it is built: polynomials with integer coefficients over named
 * dimensions, so that `batch · sequence` is a size, and two sizes are equal exactly when they are written the same.
 */

/** A product of names with a factor: 64 · batch · sequence. The names are sorted. */
interface Term {
  readonly factor: number
  readonly names: readonly string[]
}

/** A size that has at least one name in it. Its `text` is canonical: equal sizes have equal texts. */
export interface SymbolicDim {
  readonly terms: readonly Term[]
  readonly text: string
}

/** One size of a shape. */
export type Dim = number | SymbolicDim

/** The sizes of a tensor, the slowest first. */
export type Shape = readonly Dim[]

const termsOf = (dim: Dim): readonly Term[] =>
  typeof dim === "number" ? (dim === 0 ? [] : [{ factor: dim, names: [] }]) : dim.terms

const keyOf = (names: readonly string[]): string => names.join("*")

const fromTerms = (terms: Iterable<Term>): Dim => {
  const sums = new Map<string, Term>()
  for (const term of terms) {
    const key = keyOf(term.names)
    sums.set(key, { factor: (sums.get(key)?.factor ?? 0) + term.factor, names: term.names })
  }
  const kept = [...sums.entries()].filter(([, term]) => term.factor !== 0)
  kept.sort(([a], [b]) => (a < b ? 1 : a > b ? -1 : 0))
  const canonical = kept.map(([, term]) => term)
  const first = canonical[0]
  if (first === undefined) return 0
  if (canonical.length === 1 && first.names.length === 0) return first.factor
  const text = canonical
    .map(({ factor, names }) =>
      names.length === 0 ? `${factor}` : factor === 1 ? keyOf(names) : `${factor}*${keyOf(names)}`,
    )
    .join("+")
  return { terms: canonical, text }
}

/** A size with a name, bound when the graph runs: every input that has it must agree. */
export const named = (name: string): SymbolicDim => ({ terms: [{ factor: 1, names: [name] }], text: name })

export const add = (a: Dim, b: Dim): Dim => fromTerms([...termsOf(a), ...termsOf(b)])

export const subtract = (a: Dim, b: Dim): Dim => add(a, multiply(b, -1))

export const multiply = (a: Dim, b: Dim): Dim => {
  const product: Term[] = []
  for (const left of termsOf(a)) {
    for (const right of termsOf(b)) {
      product.push({ factor: left.factor * right.factor, names: [...left.names, ...right.names].sort() })
    }
  }
  return fromTerms(product)
}

/** Whether two sizes are equal for every value of their names. */
export const equals = (a: Dim, b: Dim): boolean =>
  typeof a === "number" || typeof b === "number" ? a === b : a.text === b.text

/** `a / b` where `b` is a number or a product of names and divides every term of `a`; undefined otherwise. */
export const divide = (a: Dim, b: Dim): Dim | undefined => {
  const divisors = termsOf(b)
  const divisor = divisors[0]
  if (divisor === undefined || divisors.length !== 1) return undefined
  const quotient: Term[] = []
  for (const term of termsOf(a)) {
    const factor = term.factor / divisor.factor
    if (!Number.isInteger(factor)) return undefined
    const names = [...term.names]
    for (const name of divisor.names) {
      const at = names.indexOf(name)
      if (at < 0) return undefined
      names.splice(at, 1)
    }
    quotient.push({ factor, names })
  }
  return fromTerms(quotient)
}

/** ⌈a / b⌉ of a size that is a number or an input's name: a size with a name of its own. Undefined of any other. */
export const dividedUp = (dim: Dim, by: number): Dim | undefined => {
  if (typeof dim === "number") return Math.ceil(dim / by)
  const name = dim.terms[0]?.names[0]
  return name === dim.text && quotientOf(name) === undefined ? named(`⌈${dim.text}/${by}⌉`) : undefined
}

/** What a name of `dividedUp` is made of; undefined of any other name. */
export const quotientOf = (name: string): { readonly of: SymbolicDim; readonly by: number } | undefined => {
  const [, of, by] = /^⌈([^⌈⌉]+)\/(\d+)⌉$/u.exec(name) ?? []
  return of === undefined ? undefined : { of: named(of), by: Number(by) }
}

/** How many elements a shape has. */
export const elements = (shape: Shape): Dim => shape.reduce<Dim>(multiply, 1)

/** The names a size depends on. */
export const namesOf = (dim: Dim): readonly string[] => [
  ...new Set(termsOf(dim).flatMap(({ names }) => names.map((name) => quotientOf(name)?.of.text ?? name))),
]

/** The size for given values of its names; undefined where one is missing. */
export const evaluate = (dim: Dim, values: ReadonlyMap<string, number>): number | undefined => {
  let sum = 0
  for (const { factor, names } of termsOf(dim)) {
    let product = factor
    for (const name of names) {
      const quotient = quotientOf(name)
      const whole = values.get(quotient?.of.text ?? name)
      const value = quotient === undefined || whole === undefined ? whole : Math.ceil(whole / quotient.by)
      if (value === undefined) return undefined
      product *= value
    }
    sum += product
  }
  return sum
}

export const showDim = (dim: Dim): string => (typeof dim === "number" ? String(dim) : dim.text)

/** `[batch, sequence, 64]` */
export const showShape = (shape: Shape): string => `[${shape.map(showDim).join(", ")}]`
