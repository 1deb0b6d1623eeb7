import * as Schema from "effect/Schema"

/** Where a graph can run. */
export const Device = Schema.Literal("cpu", "webgpu", "cuda").annotations({ identifier: "Device" })
export type Device = typeof Device.Type

/** What a user asks for: a device, or the best one that is there. */
export const DeviceChoice = Schema.Literal("auto", "cpu", "webgpu", "cuda").annotations({ identifier: "DeviceChoice" })
export type DeviceChoice = typeof DeviceChoice.Type

/** The device that a choice came to. It is in the key of what is computed there: other devices round otherwise. */
export const Hardware = Schema.Struct({
  device: Device,
  /** The processor's or graphics card's name. */
  name: Schema.String,
})
export type Hardware = typeof Hardware.Type
