import * as Effect from "effect/Effect"
import { usesModels } from "../experiment.ts"
import type { Hardware } from "../schemas/index.ts"
import type { Experiment } from "../settings.ts"
import { ConfigurationError } from "./Settings.ts"
import { writeError } from "./Terminal.ts"

const unused: Hardware = { device: "cpu", name: "" }

/**
 * The device that the settings' choice comes to, with its name. The library of models is loaded only where one is to run; and
 * where `auto` had a choice, what it took is told.
 */
export const findHardware = (settings: Experiment, tell: (line: string) => Effect.Effect<void> = writeError) =>
  Effect.gen(function* () {
    if (!usesModels(settings)) return unused
    const { chooseHardware, layerOnnxRuntime } = yield* Effect.promise(() => import("../neural/index.ts"))
    const hardware = yield* chooseHardware(settings.device).pipe(
      Effect.provide(layerOnnxRuntime),
      Effect.mapError(
        (error) => new ConfigurationError({ where: `--device ${settings.device}`, path: "", problem: error.message }),
      ),
    )
    if (settings.device === "auto") yield* tell(`· device auto: ${hardware.device}, ${hardware.name}\n`)
    return hardware
  })
