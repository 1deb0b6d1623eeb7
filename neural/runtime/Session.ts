import { existsSync, readdirSync, readFileSync } from "node:fs"
import { availableParallelism, cpus } from "node:os"
import { dirname, join } from "node:path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Ort from "onnxruntime-node"
import type { Hardware } from "../../schemas/index.ts"
import * as Onnx from "../onnx/index.ts"
import { type Device, type DeviceChoice, DeviceUnavailable, InferenceFailed, ModelRejected } from "./SessionError.ts"
import type { Tensor, TensorDescription } from "./Tensor.ts"

/** A model to open: a file, with the files beside it that its weights are in, or bytes that have everything inside. */
export type ModelSource = { readonly path: string } | { readonly name: string; readonly bytes: Uint8Array }

export interface SessionOptions {
  readonly device: DeviceChoice
  /** Threads of one operation on the CPU. Default: as many as the machine gives this process. */
  readonly threads?: number
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

/** An open model. It is closed with its scope. */
export interface Session {
  readonly device: Device
  /** The processor's or graphics card's name; for provenance. */
  readonly deviceName: string
  readonly inputs: readonly TensorDescription[]
  readonly outputs: readonly TensorDescription[]
  /**
   * One run. Inputs are not copied. The outputs are the caller's own; one that is in `into` is written there, which saves a
   * copy and new memory, and must have its shape.
   */
  readonly run: (
    feeds: Readonly<Record<string, Tensor>>,
    into?: Readonly<Record<string, Tensor>>,
  ) => Effect.Effect<ReadonlyMap<string, Tensor>, InferenceFailed>
}

/** onnxruntime. The native library is loaded by the first use. */
export class OnnxRuntime extends Context.Tag("rankdag/OnnxRuntime")<
  OnnxRuntime,
  {
    /** A session of the scope's own; its memory is given back with the scope. */
    readonly open: (
      model: ModelSource,
      options: SessionOptions,
    ) => Effect.Effect<Session, DeviceUnavailable | ModelRejected, Scope.Scope>
    /** The device that a choice comes to on this machine. */
    readonly choose: (choice: DeviceChoice) => Effect.Effect<Device, DeviceUnavailable>
  }
>() {}

const whyOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

const isElementType = (name: string): name is Onnx.ElementType => Object.hasOwn(Onnx.elementTypes, name)

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

/** A model that is one addition: what a provider must be able to open if it is there at all. */
const probe = (): Uint8Array => {
  const x = Onnx.input("x", "float32", [1])
  return Onnx.toBytes(
    Onnx.encodeModel({ name: "probe", inputs: [x], outputs: { y: Onnx.add(x, x) } }, { kind: "inputs" }).model,
  )
}

const nvidia = "/proc/driver/nvidia/gpus"

/** The graphics card's name as the driver gives it; Linux with NVIDIA only. */
const graphicsCard = (): string | undefined => {
  if (!existsSync(nvidia)) return undefined
  for (const card of readdirSync(nvidia).sort()) {
    const model = /^Model:\s*(.+)$/m.exec(readFileSync(join(nvidia, card, "information"), "utf8"))?.[1]
    if (model !== undefined) return model.trim()
  }
  return undefined
}

const nameOf = (device: Device): string =>
  device === "cpu" ? (cpus()[0]?.model ?? "unknown").trim() : (graphicsCard() ?? "unknown graphics card")

/** Whether the kernel shows a graphics device; elsewhere than on Linux it is not asked. */
const showsGraphics = (): boolean =>
  process.platform !== "linux" || existsSync("/dev/dri") || existsSync("/dev/nvidia0") || existsSync("/dev/dxg")

/** Where the provider's library would be that onnxruntime loads for CUDA; undefined where its package is not found. */
const cudaLibrary = (): string | undefined => {
  const file = process.platform === "win32" ? "onnxruntime_providers_cuda.dll" : "libonnxruntime_providers_cuda.so"
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const bin = join(folder, "node_modules", "onnxruntime-node", "bin", "napi-v6", process.platform, process.arch)
    if (existsSync(bin)) return join(bin, file)
    if (folder === dirname(folder)) return undefined
  }
}

/** Why a device need not be tried: saves the native library's complaints on the terminal. */
const absent = (device: Device): string | undefined => {
  if (device !== "cuda") return undefined
  const library = cudaLibrary()
  return library !== undefined && existsSync(library) ? undefined : "the CUDA provider's library is not installed"
}

/** Closes a session; onnxruntime has nothing to say about it that anyone could act on. */
const release = (session: Ort.InferenceSession, profile: boolean): Effect.Effect<void> =>
  Effect.promise(async () => {
    if (profile) session.endProfiling()
    await session.release()
  })

const openSession = (
  ort: typeof Ort,
  model: ModelSource,
  device: Device,
  options: Omit<SessionOptions, "device">,
): Promise<Ort.InferenceSession> => {
  const { arena = true, optimizedModel, profile, threads = availableParallelism() } = options
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
    ...(optimizedModel === undefined ? {} : { optimizedModelFilePath: optimizedModel }),
    ...(profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: profile }),
  }
  return "path" in model
    ? ort.InferenceSession.create(model.path, settings)
    : ort.InferenceSession.create(model.bytes, settings)
}

/**
 * The device that a choice comes to, and its name. For the CPU no native library is loaded, nor for `auto` where the kernel shows
 * no graphics device.
 */
export const chooseHardware = (choice: DeviceChoice): Effect.Effect<Hardware, DeviceUnavailable, OnnxRuntime> =>
  choice === "cpu" || (choice === "auto" && !showsGraphics())
    ? Effect.succeed({ device: "cpu", name: nameOf("cpu") })
    : Effect.flatMap(OnnxRuntime, ({ choose }) =>
        Effect.map(choose(choice), (device) => ({ device, name: nameOf(device) })),
      )

/** The live service. */
export const layerOnnxRuntime: Layer.Layer<OnnxRuntime> = Layer.effect(
  OnnxRuntime,
  Effect.gen(function* () {
    const library = yield* Effect.cached(
      Effect.tryPromise({
        try: async () => {
          const ort = await import("onnxruntime-node")
          // What goes wrong is thrown as well as logged.
          ort.env.logLevel = "fatal"
          return ort
        },
        catch: whyOf,
      }),
    )

    const probeDevice = (device: Device): Effect.Effect<Device, string> =>
      Effect.gen(function* () {
        const ort = yield* library
        const why = absent(device)
        if (why !== undefined) return yield* Effect.fail(why)
        const session = yield* Effect.tryPromise({
          try: () => openSession(ort, { name: "probe", bytes: probe() }, device, { threads: 1 }),
          catch: whyOf,
        })
        yield* release(session, false)
        return device
      })
    const probes = {
      cpu: yield* Effect.cached(probeDevice("cpu")),
      webgpu: yield* Effect.cached(probeDevice("webgpu")),
      cuda: yield* Effect.cached(probeDevice("cuda")),
    }

    const candidates = (choice: DeviceChoice): readonly Device[] => {
      if (choice !== "auto") return [choice]
      return showsGraphics() ? ["cuda", "webgpu", "cpu"] : ["cpu"]
    }

    const choose = (choice: DeviceChoice): Effect.Effect<Device, DeviceUnavailable> =>
      Effect.gen(function* () {
        const tried: { readonly device: Device; readonly why: string }[] = []
        for (const device of candidates(choice)) {
          const outcome = yield* Effect.either(probes[device])
          if (outcome._tag === "Right") return device
          tried.push({ device, why: outcome.left })
        }
        return yield* new DeviceUnavailable({ requested: choice, tried })
      })

    const open = (
      model: ModelSource,
      options: SessionOptions,
    ): Effect.Effect<Session, DeviceUnavailable | ModelRejected, Scope.Scope> =>
      Effect.gen(function* () {
        const device = yield* choose(options.device)
        const ort = yield* Effect.orDie(library)
        const name = "path" in model ? model.path : model.name
        const session = yield* Effect.acquireRelease(
          Effect.tryPromise({
            try: () => openSession(ort, model, device, options),
            catch: (cause) => new ModelRejected({ model: name, device, why: whyOf(cause) }),
          }),
          (opened) => release(opened, options.profile !== undefined),
        )
        const run: Session["run"] = (feeds, into = {}) =>
          Effect.tryPromise({
            try: async () => {
              const given: Record<string, Ort.Tensor> = {}
              for (const [input, tensor] of Object.entries(feeds)) given[input] = toOrt(ort, tensor)
              const wanted: Record<string, Ort.Tensor | null> = {}
              for (const output of session.outputNames) {
                const place = into[output]
                wanted[output] = place === undefined ? null : toOrt(ort, place)
              }
              const results = await session.run(given, wanted)
              return new Map(
                Object.entries(results).map(([output, tensor]) => [output, into[output] ?? fromOrt(tensor)]),
              )
            },
            catch: (cause) =>
              new InferenceFailed({
                model: name,
                device,
                inputs: Object.entries(feeds).map(
                  ([input, { shape, type }]) => `${input} ${type} [${shape.join(", ")}]`,
                ),
                why: whyOf(cause),
              }),
          })
        return {
          device,
          deviceName: nameOf(device),
          inputs: describe(session.inputMetadata),
          outputs: describe(session.outputMetadata),
          run,
        }
      })

    return { open, choose }
  }),
)
