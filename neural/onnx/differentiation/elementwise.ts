import {
  add,
  cast,
  cosine,
  divide,
  type Expression,
  equal,
  erf,
  exponential,
  greater,
  logarithm,
  multiply,
  negate,
  power,
  sigmoid,
  sign,
  sine,
  step,
  subtract,
  where,
} from "../Expression.ts"
import { GraphError } from "../GraphError.ts"
import type { BinaryKind, UnaryKind } from "../Operation.ts"
import { type Floating, filled, floatingInput, isFloating, type Rule, summedTo } from "./Rule.ts"

type UnaryDerivative = (x: Floating, y: Floating, gradient: Floating) => Floating

const stepwise =
  (kind: UnaryKind): UnaryDerivative =>
  () => {
    throw new GraphError("gradient", `${kind} is constant between its steps: no gradient goes through it`)
  }

/** The gradient of x from that of y = f(x). */
const unaryDerivatives: Readonly<Record<UnaryKind, UnaryDerivative>> = {
  Neg: (_x, _y, gradient) => negate(gradient),
  Abs: (x, _y, gradient) => multiply(gradient, sign(x)),
  Sign: stepwise("Sign"),
  Floor: stepwise("Floor"),
  Reciprocal: (_x, y, gradient) => negate(multiply(gradient, multiply(y, y))),
  Sqrt: (_x, y, gradient) => divide(multiply(gradient, 0.5), y),
  Exp: (_x, y, gradient) => multiply(gradient, y),
  Log: (x, _y, gradient) => divide(gradient, x),
  Sin: (x, _y, gradient) => multiply(gradient, cosine(x)),
  Cos: (x, _y, gradient) => negate(multiply(gradient, sine(x))),
  Tanh: (_x, y, gradient) => subtract(gradient, multiply(gradient, multiply(y, y))),
  Erf: (x, _y, gradient) => multiply(gradient, multiply(exponential(negate(multiply(x, x))), 2 / Math.sqrt(Math.PI))),
  Sigmoid: (_x, y, gradient) => multiply(gradient, subtract(y, multiply(y, y))),
  Softplus: (x, _y, gradient) => multiply(gradient, sigmoid(x)),
  Step: stepwise("Step"),
  // By y, so that x need not be kept apart from the product that it comes from.
  Relu: (_x, y, gradient) => multiply(gradient, step(y)),
}

export const unaryRule =
  (kind: UnaryKind): Rule =>
  (node, gradient) => [unaryDerivatives[kind](floatingInput(node, 0), node, gradient)]

/** The value of a scalar constant; undefined of anything else. */
const constantScalar = (x: Expression): number | undefined =>
  x.operation.kind === "Constant" && x.operation.data.length === 1 ? Number(x.operation.data[0]) : undefined

const powerGradients = (base: Floating, exponent: Floating, y: Floating, gradient: Floating): readonly Floating[] => {
  const known = constantScalar(exponent)
  const slope = (): Floating => {
    if (known === 1) return gradient
    if (known === 2) return multiply(gradient, multiply(base, 2))
    const lowered = power(base, known === undefined ? subtract(exponent, 1) : known - 1)
    return multiply(gradient, multiply(lowered, exponent))
  }
  // 0 to a positive power stays 0 whatever the power.
  const growth = where(greater(base, 0), multiply(y, logarithm(base)), filled(base, [], 0))
  return [slope(), multiply(gradient, growth)]
}

/** The shares of two numbers in the larger: halves where they are equal. */
const sharesOfLarger = (a: Floating, b: Floating): Floating =>
  add(cast(greater(a, b), a.type), multiply(cast(equal(a, b), a.type), 0.5))

const binaryGradients = (
  kind: BinaryKind,
  a: Floating,
  b: Floating,
  y: Floating,
  gradient: Floating,
): readonly Floating[] => {
  switch (kind) {
    case "Add":
      return [gradient, gradient]
    case "Sub":
      return [gradient, negate(gradient)]
    case "Mul":
      return [multiply(gradient, b), multiply(gradient, a)]
    case "Div": {
      const first = divide(gradient, b)
      return [first, negate(multiply(first, y))]
    }
    case "Pow":
      return powerGradients(a, b, y, gradient)
    case "Max": {
      const first = multiply(gradient, sharesOfLarger(a, b))
      return [first, subtract(gradient, first)]
    }
    case "Min": {
      const second = multiply(gradient, sharesOfLarger(a, b))
      return [subtract(gradient, second), second]
    }
  }
}

export const binaryRule =
  (kind: BinaryKind): Rule =>
  (node, gradient) => {
    const [a, b] = [floatingInput(node, 0), floatingInput(node, 1)]
    const [first, second] = binaryGradients(kind, a, b, node, gradient)
    return [first && summedTo(first, a.shape), second && summedTo(second, b.shape)]
  }

/** By products with the condition as 0 and 1: onnxruntime's «where» takes five times as long on the CPU. */
export const whereRule: Rule = (node, gradient) => {
  const [condition] = node.inputs
  const [whenTrue, whenFalse] = [floatingInput(node, 1), floatingInput(node, 2)]
  if (condition === undefined) throw new GraphError("gradient", "Where has no condition")
  const ofTrue = multiply(gradient, cast(condition, gradient.type))
  return [undefined, summedTo(ofTrue, whenTrue.shape), summedTo(subtract(gradient, ofTrue), whenFalse.shape)]
}

/** Between floating-point types; a cast to or from anything else passes nothing. */
export const castRule: Rule = (node, gradient) => {
  const [x] = node.inputs
  return [x !== undefined && isFloating(x) ? cast(gradient, x.type) : undefined]
}

/** Φ(x) + x φ(x) */
const exactGeluSlope = (x: Floating): Floating => {
  const below = add(multiply(erf(multiply(x, Math.SQRT1_2)), 0.5), 0.5)
  const density = multiply(exponential(multiply(multiply(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI))
  return add(below, multiply(x, density))
}

/** With v = 2 √(2/π) (x + 0.044715 x³), y = x σ(v): σ(v) + y (1 − σ(v)) v′. */
const tanhGeluSlope = (x: Floating, y: Floating): Floating => {
  const linear = 2 * Math.sqrt(2 / Math.PI)
  const cubic = linear * 0.044715
  const square = multiply(x, x)
  const share = sigmoid(multiply(add(multiply(square, cubic), linear), x))
  const slope = add(multiply(square, 3 * cubic), linear)
  return add(multiply(subtract(y, multiply(y, share)), slope), share)
}

export const geluRule =
  (approximation: "none" | "tanh"): Rule =>
  (node, gradient) => {
    const x = floatingInput(node, 0)
    return [multiply(gradient, approximation === "none" ? exactGeluSlope(x) : tanhGeluSlope(x, node))]
  }
