import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { usesModels } from "../experiment.ts"
import { Device, type DeviceChoice, type Hardware } from "../schemas/index.ts"
import type { Experiment } from "../settings.ts"
import { UsageError } from "./Arguments.ts"
import { ConfigurationError } from "./Settings.ts"
import { writeError } from "./Terminal.ts"

const unused: Hardware = { device: "cpu", name: "" }

/** `cuda:NVIDIA H100 80GB HBM3`: what `--on` takes. */
export const hardwareLabel = ({ device, name }: Hardware): string => `${device}:${name}`

/** The word of `--on` for this machine. */
export const here = "here"

/** Reads what `--on` names; none where that is this machine. */
export const readHardware = (label: string): Effect.Effect<Hardware | undefined, UsageError> => {
  if (label === here) return Effect.succeed(undefined)
  const colon = label.indexOf(":")
  const [device, name] = [label.slice(0, Math.max(0, colon)), label.slice(colon + 1).trim()]
  if (Schema.is(Device)(device) && name !== "") return Effect.succeed({ device, name })
  const problem = `--on ${label}: expected here, or a device and its name as a run or a refusal there tells them: "cuda:NVIDIA H100 80GB HBM3", "cpu:AMD EPYC 7763 64-Core Processor".`
  return new UsageError({ argument: "--on", problem })
}

/** What a choice of device comes to on this machine. */
export const hardwareHere = (device: DeviceChoice) =>
  Effect.gen(function* () {
    const { chooseHardware, layerOnnxRuntime } = yield* Effect.promise(() => import("../neural/index.ts"))
    return yield* chooseHardware(device).pipe(Effect.provide(layerOnnxRuntime))
  })

/**
 * The device that the settings' choice comes to, with its name. The library of models is loaded only where one is to run; and
 * where `auto` had a choice, what it took is told.
 */
export const findHardware = (settings: Experiment, tell: (line: string) => Effect.Effect<void> = writeError) =>
  Effect.gen(function* () {
    if (!usesModels(settings)) return unused
    const hardware = yield* Effect.mapError(
      hardwareHere(settings.device),
      (error) => new ConfigurationError({ where: `--device ${settings.device}`, path: "", problem: error.message }),
    )
    if (settings.device === "auto") yield* tell(`· device auto: ${hardware.device}, ${hardware.name}\n`)
    return hardware
  })
