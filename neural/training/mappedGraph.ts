import * as Onnx from "../onnx/index.ts"
import type { FrozenWeights } from "./Trainer.ts"

type PackedKind = Onnx.PackedWeight["kind"]

/** In which forms a weight may be kept instead of its own. */
const packedKinds: readonly PackedKind[] = ["transposed", "columns", "rows", "half"]

/** Whether a file has a weight, in whatever form. */
export const isHeld = ({ locations }: FrozenWeights, weight: string): boolean =>
  locations.has(weight) || packedKinds.some((kind) => locations.has(Onnx.storedName(weight, kind)))

/** The sizes of what is multiplied for every token: those of a graph's batches. */
export const tokenRows = ({ inputs }: Onnx.Graph): readonly Onnx.Dim[] =>
  inputs.flatMap(({ operation, shape }) =>
    operation.kind === "Input" && operation.name.startsWith("input_ids") ? [Onnx.dimensions.elements(shape)] : [],
  )

/** A graph, and where its weights are: those that are in no file are inputs. */
export interface MappedGraph {
  readonly graph: Onnx.Graph
  readonly place: Onnx.WeightPlace
}

/**
 * A graph of which the weights that stay lie in a file, in the form that they are kept in.
 *
 * @param rows how many rows layers over all tokens have
 * @param exactSums whether this processor's sums of products with signed 8-bit numbers are exact
 */
export const mappedGraph = (
  graph: Onnx.Graph,
  base: FrozenWeights | undefined,
  frozen: ReadonlySet<string>,
  rows: readonly Onnx.Dim[],
  exactSums: boolean,
): MappedGraph => {
  if (base === undefined) return { graph, place: { kind: "inputs" } }
  const locations = new Map([...base.locations].filter(([name]) => frozen.has(name)))
  const { storage = "fp32" } = base
  if (storage === "fp32") return { graph, place: { kind: "partlyLocated", locations } }
  for (const weight of frozen) {
    for (const kind of packedKinds) {
      const values = Onnx.storedName(weight, kind)
      for (const name of [values, `${values}.scale`]) {
        const place = base.locations.get(name)
        if (place !== undefined) locations.set(name, place)
      }
    }
  }
  const mapped = Onnx.quantizedGraph(graph, {
    rows,
    weights: storage,
    tableElements: 0,
    leastInner: 0,
    present: (weight, kind) => frozen.has(weight) && locations.has(Onnx.storedName(weight, kind)),
    unsigned: storage === "int8" && !exactSums,
  })
  for (const [alias, name] of mapped.aliases) {
    const place = locations.get(name)
    if (place !== undefined) locations.set(alias, place)
  }
  return { graph: mapped.graph, place: { kind: "partlyLocated", locations } }
}
