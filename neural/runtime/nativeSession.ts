import { readFile } from "node:fs/promises"
import { availableParallelism } from "node:os"
import { dirname } from "node:path"
import type * as Ort from "onnxruntime-node"
import { type Device, isRecord } from "../../schemas/index.ts"
import { type ElementType, elementTypes, forWebGpu } from "../onnx/index.ts"
import { hasExactSums } from "./exactSums.ts"
import type { Tensor, TensorDescription } from "./Tensor.ts"

/**
 * A model to open: a file, with the files beside it that its weights are in, or bytes, which have everything inside or name files of
 * a folder.
 */
export type ModelSource =
  | { readonly path: string }
  | { readonly name: string; readonly bytes: Uint8Array; readonly folder?: string }

/** How a model is run, wherever it is. */
export interface NativeOptions {
  /** Threads of one operation on the CPU. Default: as many as the machine gives this process. */
  readonly threads?: number
  /**
   * Whether constant weights are kept a second time in the order in which products read them. Default: yes. Without, weights in files
   * are mapped into memory and nothing else, and products of few rows are slower.
   */
  readonly prepack?: boolean
  /**
   * Whether the CPU provider keeps freed memory for the next run, until the session is closed: then it holds what the largest
   * batch so far needed. Without, each run's tensors are new pages from the kernel, which took a third of the time of a
   * MiniLM at 16 × 256 tokens. Default: yes.
   */
  readonly arena?: boolean
  /** Where onnxruntime writes the graph as it runs it, after its rewriting: to look at. */
  readonly optimizedModel?: string
  /** The beginning of the path of a profile, written when the session is closed. */
  readonly profile?: string
}

/** A session of onnxruntime in this thread, which its runs block. Every method rejects with what onnxruntime says. */
export interface NativeSession {
  readonly inputs: readonly TensorDescription[]
  readonly outputs: readonly TensorDescription[]
  readonly run: (
    feeds: Readonly<Record<string, Tensor>>,
    into: Readonly<Record<string, Tensor>>,
  ) => Promise<ReadonlyMap<string, Tensor>>
  readonly close: () => Promise<void>
}

const isElementType = (name: string): name is ElementType => Object.hasOwn(elementTypes, name)

const describe = (values: readonly Ort.InferenceSession.ValueMetadata[]): readonly TensorDescription[] =>
  values.map((value) =>
    value.isTensor
      ? { name: value.name, type: isElementType(value.type) ? value.type : undefined, shape: value.shape }
      : { name: value.name, type: undefined, shape: [] },
  )

const toOrt = (ort: typeof Ort, tensor: Tensor): Ort.Tensor => {
  switch (tensor.type) {
    case "float32":
      return new ort.Tensor("float32", tensor.data, tensor.shape)
    case "float64":
      return new ort.Tensor("float64", tensor.data, tensor.shape)
    case "int32":
      return new ort.Tensor("int32", tensor.data, tensor.shape)
    case "int64":
      return new ort.Tensor("int64", tensor.data, tensor.shape)
    case "bool":
      return new ort.Tensor("bool", tensor.data, tensor.shape)
    case "uint8":
      return new ort.Tensor("uint8", tensor.data, tensor.shape)
    case "uint32":
      return new ort.Tensor("uint32", tensor.data, tensor.shape)
  }
}

const fromOrt = (tensor: Ort.Tensor): Tensor => {
  const { data, dims: shape } = tensor
  if (data instanceof Float32Array) return { type: "float32", shape, data }
  if (data instanceof Float64Array) return { type: "float64", shape, data }
  if (data instanceof Int32Array) return { type: "int32", shape, data }
  if (data instanceof BigInt64Array) return { type: "int64", shape, data }
  if (data instanceof Uint32Array) return { type: "uint32", shape, data }
  if (data instanceof Uint8Array) return { type: tensor.type === "bool" ? "bool" : "uint8", shape, data }
  throw new Error(`an output of element type ${tensor.type} cannot be read`)
}

/** Loads the native library. */
export const loadLibrary = async (): Promise<typeof Ort> => {
  const ort = await import("onnxruntime-node")
  // What goes wrong is thrown as well as logged.
  ort.env.logLevel = "fatal"
  return ort
}

const folderSetting = "model_external_initializers_file_folder_path"

const folderOf = (model: ModelSource): Readonly<Record<string, string>> =>
  "bytes" in model && model.folder !== undefined ? { [folderSetting]: model.folder } : {}

/** Opens a model in this thread. */
export const openNative = async (
  ort: typeof Ort,
  model: ModelSource,
  device: Device,
  options: NativeOptions,
): Promise<NativeSession> => {
  const { arena = true, optimizedModel, prepack = true, profile, threads = availableParallelism() } = options
  const settings: Ort.InferenceSession.SessionOptions = {
    executionProviders: device === "cpu" ? ["cpu"] : [device, "cpu"],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: "all",
    enableCpuMemArena: arena,
    // A pattern is kept for each shape that comes by; batches have many shapes.
    enableMemPattern: false,
    logSeverityLevel: 3,
    // Makes weights unsigned, for which sums are exact on every processor. Where signed ones' are too, that would cost half of the speed.
    extra: {
      session: {
        x64quantprecision: (await hasExactSums(ort)) ? "0" : "1",
        ...(prepack ? {} : { disable_prepacking: "1" }),
        ...folderOf(model),
      },
    },
    ...(optimizedModel === undefined ? {} : { optimizedModelFilePath: optimizedModel }),
    ...(profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: profile }),
  }
  const rewritten =
    device === "webgpu" ? forWebGpu("path" in model ? await readFile(model.path) : model.bytes) : undefined
  const create = (): Promise<Ort.InferenceSession> => {
    if (rewritten === undefined) {
      return "path" in model
        ? ort.InferenceSession.create(model.path, settings)
        : ort.InferenceSession.create(model.bytes, settings)
    }
    const { extra } = settings
    const folder = "path" in model ? { [folderSetting]: dirname(model.path) } : {}
    const session = { ...(isRecord(extra?.["session"]) ? extra["session"] : {}), ...folder }
    return ort.InferenceSession.create(rewritten, { ...settings, extra: { session } })
  }
  const session = await create()
  return {
    inputs: describe(session.inputMetadata),
    outputs: describe(session.outputMetadata),
    run: async (feeds, into) => {
      const given: Record<string, Ort.Tensor> = {}
      for (const [input, tensor] of Object.entries(feeds)) given[input] = toOrt(ort, tensor)
      const wanted: Record<string, Ort.Tensor | null> = {}
      for (const output of session.outputNames) {
        const place = into[output]
        wanted[output] = place === undefined ? null : toOrt(ort, place)
      }
      const results = await session.run(given, wanted)
      return new Map(Object.entries(results).map(([output, tensor]) => [output, into[output] ?? fromOrt(tensor)]))
    },
    close: async () => {
      if (profile !== undefined) session.endProfiling()
      await session.release()
    },
  }
}
