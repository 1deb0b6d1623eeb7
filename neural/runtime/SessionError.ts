import * as Schema from "effect/Schema"
import { Device, DeviceChoice } from "../../schemas/index.ts"

export { Device, DeviceChoice } from "../../schemas/index.ts"

const remedies: Record<Device, string> = {
  cpu: "the package onnxruntime-node must be installed for this platform: run npm install",
  webgpu: "WebGPU needs a driver for Vulkan (Linux: libvulkan1 and the card's driver), Metal or Direct3D 12",
  cuda:
    "CUDA needs an NVIDIA driver, CUDA 12 with cuDNN 9 on the library path, and the provider's libraries: " +
    "node node_modules/onnxruntime-node/script/install.js --onnxruntime-node-install=cuda12 (Linux x64)",
}

/** The device asked for is not there. */
export class DeviceUnavailable extends Schema.TaggedError<DeviceUnavailable>()("DeviceUnavailable", {
  requested: DeviceChoice,
  /** What was tried, in order, and why it failed. */
  tried: Schema.Array(Schema.Struct({ device: Device, why: Schema.String })),
}) {
  override get message(): string {
    const tried = this.tried.map(({ device, why }) => `${device}: ${why} (${remedies[device]})`)
    const cpu = this.tried.some(({ device }) => device === "cpu") ? "" : "; or take --device cpu"
    return `device «${this.requested}» is not available. Tried ${tried.join("; ")}${cpu}`
  }
}

/** onnxruntime does not take a model file. */
export class ModelRejected extends Schema.TaggedError<ModelRejected>()("ModelRejected", {
  /** The file, or what the model is called. */
  model: Schema.String,
  device: Device,
  why: Schema.String,
}) {
  override get message(): string {
    return `onnxruntime rejects the model ${this.model} on ${this.device}: ${this.why}`
  }
}

/** A run failed: inputs that do not fit, or no memory. */
export class InferenceFailed extends Schema.TaggedError<InferenceFailed>()("InferenceFailed", {
  model: Schema.String,
  device: Device,
  /** The inputs: «input_ids int64 [8, 128]». */
  inputs: Schema.Array(Schema.String),
  why: Schema.String,
}) {
  override get message(): string {
    return `running ${this.model} on ${this.device} with ${this.inputs.join(", ")} failed: ${this.why}`
  }
}
