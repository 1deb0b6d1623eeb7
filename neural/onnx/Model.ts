import { type Dim, named, showDim } from "./Dim.ts"
import { elementTypes } from "./ElementType.ts"
import type { Graph } from "./Graph.ts"
import { GraphError } from "./GraphError.ts"
import {
  type Attribute,
  lower,
  microsoft,
  type OnnxConstant,
  type OnnxGraph,
  type OnnxNode,
  type OnnxValue,
} from "./lower.ts"
import type { ConstantData } from "./Operation.ts"
import { type Hole, MessageWriter, type Pieces } from "./Protobuf.ts"
import { eachTime, firstOf, lastOf, type RepeatedGraph, timesInput } from "./RepeatedGraph.ts"

/** The operator set that the graphs are written for: the one that the CPU, WebGPU and CUDA providers all run. */
export const opset = 18

/** The version of the file format that goes with it. */
const irVersion = 8

/** Tensors below this many bytes stay in the model file also when the rest lies outside. */
const inlineBytes = 1024

/** Where tensors outside begin: on a page, so that they can be mapped into memory. */
const alignment = 4096

/** Where in another file, beside the model's, a tensor's bytes are. */
export interface ExternalLocation {
  /** A path relative to the model file's folder. */
  readonly file: string
  readonly offset: number
}

/** Where the weights go when a graph is written. */
export type WeightPlace =
  /** They become inputs of the graph, after its own, under their names: for training. */
  | { readonly kind: "inputs" }
  /** They lie in the model file. All together must be less than 2 GB: it is one protocol buffer. */
  | { readonly kind: "inside" }
  /** They go to a data file of that name beside the model file. */
  | { readonly kind: "outside"; readonly file: string }
  /** They are used where they lie already, as float32: in a safetensors file beside the model file. */
  | { readonly kind: "located"; readonly locations: ReadonlyMap<string, ExternalLocation> }
  /** Those with a location are used where they lie, the others become inputs: for training beside weights that stay. */
  | { readonly kind: "partlyLocated"; readonly locations: ReadonlyMap<string, ExternalLocation> }

/** A graph as a file, and the file with its weights if they are outside. Each weight is a hole in one of them. */
export interface EncodedModel {
  readonly model: Pieces
  readonly data: Pieces | undefined
}

const dimension = (dim: Dim): MessageWriter =>
  typeof dim === "number" ? new MessageWriter().integer(1, dim) : new MessageWriter().string(2, showDim(dim))

const valueInfo = (value: OnnxValue): MessageWriter => {
  const shape = new MessageWriter()
  for (const dim of value.shape) shape.bytes(1, dimension(dim))
  const tensor = new MessageWriter().integer(1, elementTypes[value.type].code).bytes(2, shape)
  return new MessageWriter().string(1, value.name).bytes(2, new MessageWriter().bytes(1, tensor))
}

const attribute = (value: Attribute): MessageWriter => {
  const message = new MessageWriter().string(1, value.name)
  if ("integer" in value) return message.integer(3, value.integer).integer(20, 2)
  if ("float" in value) return message.float(2, value.float).integer(20, 1)
  if ("text" in value) return message.string(4, value.text).integer(20, 3)
  for (const each of value.integers) message.integer(8, each)
  return message.integer(20, 7)
}

const operator = (node: OnnxNode): MessageWriter => {
  const message = new MessageWriter()
  for (const input of node.inputs) message.string(1, input)
  message.string(2, node.output).string(3, node.name).string(4, node.operator)
  for (const each of node.attributes) message.bytes(5, attribute(each))
  return node.domain === undefined ? message : message.string(7, node.domain)
}

const tensorHeader = (value: Pick<OnnxConstant, "name" | "type" | "shape">): MessageWriter => {
  const message = new MessageWriter()
  for (const size of value.shape) message.integer(1, size)
  return message.integer(2, elementTypes[value.type].code).string(8, value.name)
}

const constantTensor = (value: OnnxConstant): MessageWriter =>
  tensorHeader(value).bytes(9, new Uint8Array(value.data.buffer, value.data.byteOffset, value.data.byteLength))

const externalTensor = (header: MessageWriter, location: ExternalLocation, length: number): MessageWriter => {
  const entries = { location: location.file, offset: String(location.offset), length: String(length) }
  for (const [key, value] of Object.entries(entries)) {
    header.bytes(13, new MessageWriter().string(1, key).string(2, value))
  }
  return header.integer(14, 1)
}

/** The weights that go to a data file, one after another, each beginning on a page. */
class DataFile implements Pieces {
  byteLength = 0
  readonly #parts: (Uint8Array | Hole)[] = []

  /** Puts a tensor in; its offset. */
  append(hole: Hole): number {
    const padding = (alignment - (this.byteLength % alignment)) % alignment
    if (padding > 0) this.#parts.push(new Uint8Array(padding))
    this.#parts.push(hole)
    const offset = this.byteLength + padding
    this.byteLength = offset + hole.byteLength
    return offset
  }

  pieces(): Iterable<Uint8Array | Hole> {
    return this.#parts
  }
}

/** The message of a weight that is no input. */
type Initialiser = (parameter: OnnxValue) => MessageWriter

/** A graph's message. `isInput` says of its weights which are fed. */
const plainMessage = (
  lowered: OnnxGraph,
  isInput: (weight: OnnxValue) => boolean,
  initialiser: Initialiser,
): MessageWriter => {
  const message = new MessageWriter()
  for (const node of lowered.nodes) message.bytes(1, operator(node))
  message.string(2, lowered.name)
  for (const parameter of lowered.parameters) {
    if (!isInput(parameter)) message.bytes(5, initialiser(parameter))
  }
  for (const value of lowered.constants) message.bytes(5, constantTensor(value))
  for (const value of lowered.inputs) message.bytes(11, valueInfo(value))
  for (const value of lowered.parameters.filter(isInput)) message.bytes(11, valueInfo(value))
  for (const value of lowered.outputs) message.bytes(12, valueInfo(value))
  return message
}

/** What a body is given by `Loop`: which time it is, and whether to go on, which is always so. */
const [timeName, onName] = ["time", "on"] as const

/** The message of a graph that is one `Loop` around another. */
const repeatedMessage = (
  { carried, goesOn, name, shared }: RepeatedGraph,
  lowered: OnnxGraph,
  isInput: (weight: OnnxValue) => boolean,
  initialiser: Initialiser,
): MessageWriter => {
  const values = new Map(
    [...lowered.inputs, ...lowered.parameters, ...lowered.outputs].map((each) => [each.name, each]),
  )
  const valueOf = (wanted: string): OnnxValue => {
    const found = values.get(wanted)
    if (found === undefined) throw new GraphError(name, `its body has no ${wanted}`)
    return found
  }
  const states = [...carried].map(([before, after]) => ({ before: valueOf(before), after: valueOf(after) }))
  const afterwards = new Set([goesOn, ...carried.values()])
  const collected = lowered.outputs.filter((output) => !afterwards.has(output.name))
  const stepped = lowered.inputs.filter((input) => !carried.has(input.name) && !shared.has(input.name))
  const staying = lowered.parameters.filter((weight) => !carried.has(weight.name))

  const body = new MessageWriter()
  for (const { name: output } of stepped) {
    const inputs = [eachTime(output), timeName]
    body.bytes(
      1,
      operator({ name: output, operator: "Gather", inputs, output, attributes: [{ name: "axis", integer: 0 }] }),
    )
  }
  for (const node of lowered.nodes) body.bytes(1, operator(node))
  body.string(2, lowered.name)
  for (const value of lowered.constants) body.bytes(5, constantTensor(value))
  body.bytes(11, valueInfo({ name: timeName, type: "int64", shape: [] }))
  body.bytes(11, valueInfo({ name: onName, type: "bool", shape: [] }))
  for (const { before } of states) body.bytes(11, valueInfo(before))
  body.bytes(12, valueInfo(valueOf(goesOn)))
  for (const { after } of states) body.bytes(12, valueInfo(after))
  for (const value of collected) body.bytes(12, valueInfo(value))

  const loop = new MessageWriter().string(1, timesInput).string(1, "")
  for (const { before } of states) loop.string(1, firstOf(before.name))
  for (const { before } of states) loop.string(2, lastOf(before.name))
  for (const value of collected) loop.string(2, eachTime(value.name))
  loop.string(3, name).string(4, "Loop")
  loop.bytes(5, new MessageWriter().string(1, "body").bytes(6, body).integer(20, 5))

  const times = (value: OnnxValue): OnnxValue => ({
    ...value,
    name: eachTime(value.name),
    shape: [named("times"), ...value.shape],
  })
  const message = new MessageWriter().bytes(1, loop).string(2, name)
  for (const weight of staying) if (!isInput(weight)) message.bytes(5, initialiser(weight))
  message.bytes(11, valueInfo({ name: timesInput, type: "int64", shape: [] }))
  for (const value of stepped) message.bytes(11, valueInfo(times(value)))
  for (const value of lowered.inputs) if (shared.has(value.name)) message.bytes(11, valueInfo(value))
  for (const { before } of states) message.bytes(11, valueInfo({ ...before, name: firstOf(before.name) }))
  for (const weight of staying) if (isInput(weight)) message.bytes(11, valueInfo(weight))
  for (const { before } of states) message.bytes(12, valueInfo({ ...before, name: lastOf(before.name) }))
  for (const value of collected) message.bytes(12, valueInfo(times(value)))
  return message
}

/**
 * A graph in the file format of ONNX. Equal graphs give equal bytes.
 *
 * @throws GraphError where the graph cannot be lowered, a weight has no place, or the file would pass 2 GB
 */
export const encodeModel = (graph: Graph | RepeatedGraph, weights: WeightPlace): EncodedModel => {
  const lowered = lower("body" in graph ? graph.body : graph)
  const data = weights.kind === "outside" ? new DataFile() : undefined

  const initialiser = (parameter: OnnxValue): MessageWriter => {
    const { name, type } = parameter
    const shape = parameter.shape.filter((size) => typeof size === "number")
    const header = tensorHeader({ name, type, shape })
    const hole = { parameter: name, byteLength: shape.reduce((a, b) => a * b, elementTypes[type].bytes) }
    if (weights.kind === "located" || weights.kind === "partlyLocated") {
      const location = weights.locations.get(name)
      if (location === undefined) throw new GraphError(graph.name, `the weight ${name} has no place`)
      return externalTensor(header, location, hole.byteLength)
    }
    if (weights.kind === "outside" && data !== undefined && hole.byteLength >= inlineBytes) {
      return externalTensor(header, { file: weights.file, offset: data.append(hole) }, hole.byteLength)
    }
    return header.bytes(9, hole)
  }
  const isInput = ({ name }: OnnxValue): boolean =>
    weights.kind === "inputs" || (weights.kind === "partlyLocated" && !weights.locations.has(name))
  const message =
    "body" in graph
      ? repeatedMessage(graph, lowered, isInput, initialiser)
      : plainMessage(lowered, isInput, initialiser)

  const model = new MessageWriter()
    .integer(1, irVersion)
    .string(2, "rankdag")
    .bytes(7, message)
    .bytes(8, new MessageWriter().string(1, "").integer(2, opset))
  if (lowered.nodes.some(({ domain }) => domain === microsoft)) {
    model.bytes(8, new MessageWriter().string(1, microsoft).integer(2, 1))
  }
  if (model.byteLength >= 2 ** 31) {
    const gigabytes = (model.byteLength / 2 ** 30).toFixed(1)
    throw new GraphError(graph.name, `with its weights inside the file has ${gigabytes} GB; put them outside`)
  }
  return { model, data }
}

/**
 * A small model or data file in one array.
 *
 * @throws GraphError where a weight is missing or has another length
 */
export const toBytes = (file: Pieces, weights: ReadonlyMap<string, ConstantData> = new Map()): Uint8Array => {
  const bytes = new Uint8Array(file.byteLength)
  let at = 0
  for (const piece of file.pieces()) {
    if ("parameter" in piece) {
      const weight = weights.get(piece.parameter)
      if (weight?.byteLength !== piece.byteLength) {
        const found = weight === undefined ? "is missing" : `has ${weight.byteLength} bytes`
        throw new GraphError(piece.parameter, `the weight ${found}; it should have ${piece.byteLength} bytes`)
      }
      bytes.set(new Uint8Array(weight.buffer, weight.byteOffset, weight.byteLength), at)
    } else bytes.set(piece, at)
    at += piece.byteLength
  }
  return bytes
}
