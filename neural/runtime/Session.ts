import { existsSync, readdirSync, readFileSync } from "node:fs"
import { cpus } from "node:os"
import { dirname, join } from "node:path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { causeText, type Hardware } from "../../schemas/index.ts"
import * as Onnx from "../onnx/index.ts"
import { hasExactSums } from "./exactSums.ts"
import { loadLibrary, type ModelSource, type NativeOptions, type NativeSession, openNative } from "./nativeSession.ts"
import { type Device, type DeviceChoice, DeviceUnavailable, InferenceFailed, ModelRejected } from "./SessionError.ts"
import { hasThreads, SessionThread } from "./SessionThread.ts"
import type { Tensor, TensorDescription } from "./Tensor.ts"

export interface SessionOptions extends NativeOptions {
  readonly device: DeviceChoice
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

/** Opens a session of the scope's own; its memory is given back with the scope. */
export type OpenSession = (
  model: ModelSource,
  options: SessionOptions,
) => Effect.Effect<Session, DeviceUnavailable | ModelRejected, Scope.Scope>

/** onnxruntime. The native library is loaded by the first use. */
export class OnnxRuntime extends Context.Tag("rankdag/OnnxRuntime")<
  OnnxRuntime,
  {
    readonly open: OpenSession
    /**
     * A thread of its own, closed with the scope, for sessions on the CPU: they run beside everything else. Where no thread can be
     * started, and on other devices, it is as `open`, whose sessions' runs block the program. In a thread, inputs are copied.
     */
    readonly apart: Effect.Effect<OpenSession, never, Scope.Scope>
    /** The device that a choice comes to on this machine. */
    readonly choose: (choice: DeviceChoice) => Effect.Effect<Device, DeviceUnavailable>
    /** Whether sums of products of 8-bit numbers are exact on this processor with signed weights as they are. */
    readonly exactSums: Effect.Effect<boolean>
  }
>() {}

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
const release = (session: NativeSession): Effect.Effect<void> => Effect.ignore(Effect.tryPromise(() => session.close()))

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
    const library = yield* Effect.cached(Effect.tryPromise({ try: loadLibrary, catch: causeText }))

    const probeDevice = (device: Device): Effect.Effect<Device, string> =>
      Effect.gen(function* () {
        const ort = yield* library
        const why = absent(device)
        if (why !== undefined) return yield* Effect.fail(why)
        const session = yield* Effect.tryPromise({
          try: () => openNative(ort, { name: "probe", bytes: probe() }, device, { threads: 1 }),
          catch: causeText,
        })
        yield* release(session)
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

    const openIn =
      (thread: SessionThread | undefined): OpenSession =>
      (model, { device: choice, ...options }) =>
        Effect.gen(function* () {
          const device = yield* choose(choice)
          const ort = yield* Effect.orDie(library)
          const name = "path" in model ? model.path : model.name
          const session = yield* Effect.acquireRelease(
            Effect.tryPromise({
              try: () =>
                thread !== undefined && device === "cpu"
                  ? thread.open(model, options)
                  : openNative(ort, model, device, options),
              catch: (cause) => new ModelRejected({ model: name, device, why: causeText(cause) }),
            }),
            release,
          )
          const run: Session["run"] = (feeds, into = {}) =>
            Effect.tryPromise({
              try: () => session.run(feeds, into),
              catch: (cause) =>
                new InferenceFailed({
                  model: name,
                  device,
                  inputs: Object.entries(feeds).map(
                    ([input, { shape, type }]) => `${input} ${type} [${shape.join(", ")}]`,
                  ),
                  why: causeText(cause),
                }),
            })
          return { device, deviceName: nameOf(device), inputs: session.inputs, outputs: session.outputs, run }
        })

    const apart = Effect.gen(function* () {
      if (!hasThreads()) return openIn(undefined)
      const thread = yield* Effect.acquireRelease(
        Effect.sync(() => new SessionThread()),
        (started) => Effect.promise(() => started.close()),
      )
      return openIn(thread)
    })

    const exactSums = Effect.flatMap(Effect.orDie(library), (ort) => Effect.promise(() => hasExactSums(ort)))

    return { open: openIn(undefined), apart, choose, exactSums }
  }),
)
