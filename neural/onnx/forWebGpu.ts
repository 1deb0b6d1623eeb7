import { GraphError } from "./GraphError.ts"
import { toBytes } from "./Model.ts"
import { type Field, MessageReader, MessageWriter, randomAccess } from "./Protobuf.ts"

/** A node of an ONNX file, as far as it is looked at. */
interface FileNode {
  readonly operator: string
  readonly domain: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /** Where its whole message lies. */
  readonly field: Extract<Field, { readonly wire: "bytes" }>
  /** Where its attributes lie, each as a message. */
  readonly attributes: readonly Extract<Field, { readonly wire: "bytes" }>[]
}

const readNode = (reader: MessageReader, field: FileNode["field"]): FileNode => {
  const inputs: string[] = []
  const outputs: string[] = []
  const attributes: FileNode["field"][] = []
  let [operator, domain] = ["", ""]
  for (const part of reader.fields(field.start, field.end)) {
    if (part.number === 1) inputs.push(reader.text(part))
    else if (part.number === 2) outputs.push(reader.text(part))
    else if (part.number === 4) operator = reader.text(part)
    else if (part.number === 5 && part.wire === "bytes") attributes.push(part)
    else if (part.number === 7) domain = reader.text(part)
  }
  return { operator, domain, inputs, outputs, field, attributes }
}

/** The whole number of an attribute by its name; undefined where it is not said. */
const integerOf = (reader: MessageReader, { attributes }: FileNode, name: string): number | undefined => {
  for (const { end, start } of attributes) {
    let [own, value] = ["", 0]
    for (const part of reader.fields(start, end)) {
      if (part.number === 1) own = reader.text(part)
      else if (part.number === 3 && part.wire === "integer") value = Number(BigInt.asIntN(64, part.value))
    }
    if (own === name) return value
  }
  return undefined
}

/** Nodes and constants that stand for one node. */
class Written {
  readonly #graph: MessageWriter
  readonly #stem: string
  #count = 0

  constructor(graph: MessageWriter, stem: string) {
    this.#graph = graph
    this.#stem = stem
  }

  #fresh(): string {
    return `${this.#stem}/webgpu_${this.#count++}`
  }

  node(operator: string, inputs: readonly string[], output = this.#fresh(), keepAxes = false): string {
    const node = new MessageWriter()
    for (const input of inputs) node.string(1, input)
    node.string(2, output).string(3, output).string(4, operator)
    if (keepAxes) node.bytes(5, new MessageWriter().string(1, "keepdims").integer(3, 1).integer(20, 2))
    this.#graph.bytes(1, node)
    return output
  }

  #constant(type: number, shape: readonly number[], data: Float32Array | BigInt64Array): string {
    const name = this.#fresh()
    const tensor = new MessageWriter()
    for (const size of shape) tensor.integer(1, size)
    tensor.integer(2, type).string(8, name).bytes(9, new Uint8Array(data.buffer))
    this.#graph.bytes(5, tensor)
    return name
  }

  float(value: number): string {
    return this.#constant(1, [], Float32Array.of(value))
  }

  axes(axis: number): string {
    return this.#constant(7, [1], BigInt64Array.of(BigInt(axis)))
  }
}

/**
 * x less its mean: the variance of what has none left is the mean of its squares, which onnxruntime 1.30 takes on WebGPU less the
 * squared mean: nothing of it is right where that is millions of times as large.
 */
const centred = (written: Written, x: string): string =>
  written.node("Sub", [x, written.node("ReduceMean", [x, written.axes(-1)], undefined, true)])

/** Terms of log(1 + u) = 2 · Σ zᵏ / k over odd k, z = u / (2 + u): for u ≤ 1 what is left out is below 1e-9. */
const terms = [17, 15, 13, 11, 9, 7, 5, 3]

/** max(x, 0) + log(1 + exp(−|x|)), the logarithm by its series: of 1 + exp(−17) in 32-bit floats it would be 0. */
const softplus = (written: Written, x: string, output: string): void => {
  const u = written.node("Exp", [written.node("Neg", [written.node("Abs", [x])])])
  const z = written.node("Div", [u, written.node("Add", [u, written.float(2)])])
  const squared = written.node("Mul", [z, z])
  const series = terms.reduce<string | undefined>((sum, k) => {
    const term = written.float(1 / k)
    const inner = sum === undefined ? term : written.node("Add", [sum, term])
    return written.node("Mul", [inner, squared])
  }, undefined)
  const whole = written.node("Add", [series ?? z, written.float(1)])
  const twice = written.node("Mul", [written.node("Mul", [z, written.float(2)]), whole])
  written.node("Add", [written.node("Max", [x, written.float(0)]), twice], output)
}

/** Opset from which ReduceMean takes its axes as an input. */
const axesAreInputs = 18

/**
 * A model for WebGPU: what onnxruntime 1.30 computes wrong there is written out. Layer normalisations over the last axis are of rows
 * without their mean, and softplus is made of its series.
 *
 * @returns undefined where there is nothing to change
 */
export const forWebGpu = (bytes: Uint8Array): Uint8Array | undefined => {
  const reader = new MessageReader(randomAccess(bytes))
  const fields = [...reader.fields()]
  let opset = 0
  for (const field of fields) {
    if (field.number !== 8 || field.wire !== "bytes") continue
    let [domain, version] = ["", 0]
    for (const part of reader.fields(field.start, field.end)) {
      if (part.number === 1) domain = reader.text(part)
      else if (part.number === 2 && part.wire === "integer") version = Number(part.value)
    }
    if (domain === "") opset = version
  }
  let changed = false
  const copy = (to: MessageWriter, field: Field): void => {
    if (field.wire === "integer") to.integer(field.number, field.value)
    else if (field.wire === "bytes") to.bytes(field.number, bytes.subarray(field.start, field.end))
    else throw new GraphError("WebGPU", `field ${field.number} of the model file is of another kind`)
  }
  const rewritten = (graph: Extract<Field, { readonly wire: "bytes" }>): MessageWriter => {
    const to = new MessageWriter()
    for (const field of reader.fields(graph.start, graph.end)) {
      if (field.number !== 1 || field.wire !== "bytes") {
        copy(to, field)
        continue
      }
      const node = readNode(reader, field)
      const [x = "", ...others] = node.inputs
      const [output = ""] = node.outputs
      const written = new Written(to, output)
      const own = node.domain === ""
      if (own && node.operator === "Softplus") {
        softplus(written, x, output)
        changed = true
      } else if (
        own &&
        node.operator === "LayerNormalization" &&
        opset >= axesAreInputs &&
        (integerOf(reader, node, "axis") ?? -1) === -1
      ) {
        const into = new MessageWriter()
        for (const input of [centred(written, x), ...others]) into.string(1, input)
        for (const part of reader.fields(field.start, field.end)) if (part.number !== 1) copy(into, part)
        to.bytes(1, into)
        changed = true
      } else copy(to, field)
    }
    return to
  }
  const model = new MessageWriter()
  for (const field of fields) {
    if (field.number === 7 && field.wire === "bytes") model.bytes(7, rewritten(field))
    else copy(model, field)
  }
  return changed ? toBytes(model) : undefined
}
