import { type ElementType, elementTypeOfCode } from "./ElementType.ts"
import { type Field, MessageReader, ProtobufError, type RandomAccess } from "./Protobuf.ts"

/** An input or output as a model file declares it. */
export interface DeclaredValue {
  readonly name: string
  /** Undefined where it is no tensor, or of an exotic element type. */
  readonly type: ElementType | undefined
  /** Numbers, names of sizes, and «?» for sizes of which nothing is said; undefined where the rank is not given. */
  readonly shape: readonly (number | string)[] | undefined
}

/** What an ONNX file says about itself, read without its weights. */
export interface ModelInterface {
  readonly irVersion: number
  readonly producer: string
  /** The operator sets by domain; ONNX's own is «». */
  readonly opsets: ReadonlyMap<string, number>
  readonly graph: string
  /** Inputs that must be fed: old files list initialisers as inputs too. */
  readonly inputs: readonly DeclaredValue[]
  readonly outputs: readonly DeclaredValue[]
  /** By output, the operator that computes it; where those that come last only move or rename values, the one before them. */
  readonly computedBy: ReadonlyMap<string, string>
  /** The files beside the model's that weights lie in, as it names them. */
  readonly dataFiles: readonly string[]
}

/** More values than this are no model's. */
const mostValues = 100_000

const range = (field: Field): readonly [number, number] => {
  if (field.wire !== "bytes") throw new ProtobufError(0, `field ${field.number} should be a message`)
  return [field.start, field.end]
}

const number = (field: Field): number => {
  if (field.wire !== "integer") throw new ProtobufError(0, `field ${field.number} should be a number`)
  return Number(BigInt.asIntN(64, field.value))
}

const readDimension = (reader: MessageReader, field: Field): number | string => {
  let dimension: number | string = "?"
  for (const part of reader.fields(...range(field))) {
    if (part.number === 1) dimension = number(part)
    else if (part.number === 2) dimension = reader.text(part)
  }
  return dimension
}

const readShape = (reader: MessageReader, field: Field): readonly (number | string)[] => {
  const shape: (number | string)[] = []
  for (const part of reader.fields(...range(field))) {
    if (part.number === 1) shape.push(readDimension(reader, part))
    if (shape.length > 64) throw new ProtobufError(0, "a tensor of more than 64 axes")
  }
  return shape
}

const readValue = (reader: MessageReader, field: Field): DeclaredValue => {
  let name = ""
  let type: ElementType | undefined
  let shape: DeclaredValue["shape"]
  for (const part of reader.fields(...range(field))) {
    if (part.number === 1) name = reader.text(part)
    if (part.number !== 2) continue
    for (const kind of reader.fields(...range(part))) {
      if (kind.number !== 1) continue
      for (const tensor of reader.fields(...range(kind))) {
        if (tensor.number === 1) type = elementTypeOfCode(number(tensor))
        else if (tensor.number === 2) shape = readShape(reader, tensor)
      }
    }
  }
  return { name, type, shape }
}

/** The name of an initialiser, and the file it lies in if it is outside. */
const readTensor = (
  reader: MessageReader,
  field: Field,
): { readonly name: string; readonly file: string | undefined } => {
  let name = ""
  let file: string | undefined
  for (const part of reader.fields(...range(field))) {
    if (part.number === 8) name = reader.text(part)
    if (part.number !== 13) continue
    const entry = { key: "", value: "" }
    for (const each of reader.fields(...range(part))) {
      if (each.number === 1) entry.key = reader.text(each)
      else if (each.number === 2) entry.value = reader.text(each)
    }
    if (entry.key === "location") file = entry.value
  }
  return { name, file }
}

interface Made {
  readonly operator: string
  /** The first input. */
  readonly from: string
}

/** How the outputs of a node are made. */
const readNode = (reader: MessageReader, field: Field, into: Map<string, Made>): void => {
  let operator = ""
  let from: string | undefined
  const made: string[] = []
  for (const part of reader.fields(...range(field))) {
    if (part.number === 1) from ??= reader.text(part)
    else if (part.number === 2) made.push(reader.text(part))
    else if (part.number === 4) operator = reader.text(part)
  }
  for (const name of made) into.set(name, { operator, from: from ?? "" })
}

const moving = new Set([
  "Identity",
  "Reshape",
  "Squeeze",
  "Unsqueeze",
  "Flatten",
  "Transpose",
  "Slice",
  "Gather",
  "Cast",
])

const computing = (nodes: ReadonlyMap<string, Made>, output: string): string | undefined => {
  let made = nodes.get(output)
  // A damaged file may have a circle.
  for (let steps = 0; steps < 64 && made !== undefined && moving.has(made.operator); steps++)
    made = nodes.get(made.from)
  return made?.operator
}

const limited = <A>(list: A[], value: A): void => {
  if (list.length >= mostValues) throw new ProtobufError(0, `more than ${mostValues} inputs or outputs`)
  list.push(value)
}

/**
 * Reads what an ONNX file says about itself. Only the parts that are needed are read, so the file may be of any size.
 *
 * @throws ProtobufError where the bytes are no ONNX model
 */
export const readInterface = (file: RandomAccess): ModelInterface => {
  const reader = new MessageReader(file)
  const opsets = new Map<string, number>()
  let irVersion = 0
  let producer = ""
  let graph: { name: string } | undefined
  const inputs: DeclaredValue[] = []
  const outputs: DeclaredValue[] = []
  const initialisers = new Set<string>()
  const dataFiles = new Set<string>()
  const nodes = new Map<string, Made>()
  for (const field of reader.fields()) {
    if (field.number === 1) irVersion = number(field)
    else if (field.number === 2) producer = reader.text(field)
    else if (field.number === 8) {
      const entry = { domain: "", version: 0 }
      for (const part of reader.fields(...range(field))) {
        if (part.number === 1) entry.domain = reader.text(part)
        else if (part.number === 2) entry.version = number(part)
      }
      opsets.set(entry.domain, entry.version)
    } else if (field.number === 7) {
      graph = { name: "" }
      for (const part of reader.fields(...range(field))) {
        if (part.number === 1) readNode(reader, part, nodes)
        else if (part.number === 2) graph.name = reader.text(part)
        else if (part.number === 11) limited(inputs, readValue(reader, part))
        else if (part.number === 12) limited(outputs, readValue(reader, part))
        else if (part.number === 5) {
          const { file: location, name } = readTensor(reader, part)
          initialisers.add(name)
          if (location !== undefined) dataFiles.add(location)
        }
      }
    }
  }
  if (graph === undefined) throw new ProtobufError(0, "there is no graph in it: it is not an ONNX model")
  return {
    irVersion,
    producer,
    opsets,
    graph: graph.name,
    inputs: inputs.filter((input) => !initialisers.has(input.name)),
    outputs,
    computedBy: new Map(
      outputs.flatMap(({ name }) => {
        const operator = computing(nodes, name)
        return operator === undefined ? [] : [[name, operator] as const]
      }),
    ),
    dataFiles: [...dataFiles].sort(),
  }
}
