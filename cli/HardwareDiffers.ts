import { hostname } from "node:os"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { plannedHardware, type StageNode } from "../pipeline/index.ts"
import { Hardware } from "../schemas/index.ts"
import { hardwareHere, hardwareLabel } from "./findHardware.ts"

/** What the plan's models run on is not what is here. */
export class HardwareDiffers extends Schema.TaggedError<HardwareDiffers>()("HardwareDiffers", {
  node: Schema.String,
  planned: Hardware,
  /** None where there is no such device. */
  here: Schema.UndefinedOr(Hardware),
}) {
  override get message(): string {
    const { device } = this.planned
    const found =
      this.here === undefined ? `no ${device}` : `${hardwareLabel(this.here)}, whose results would be others`
    const remedy =
      this.here === undefined
        ? "Run it where there is one, or plan for what is here with --on."
        : `To plan for machines like this one: --on "${hardwareLabel(this.here)}".`
    return `${this.node} is planned for ${hardwareLabel(this.planned)}; ${hostname()} has ${found}. ${remedy}`
  }
}

/** Refuses a node that is planned for other hardware than there is here. */
export const checkHardware = (node: StageNode): Effect.Effect<void, HardwareDiffers> =>
  Effect.gen(function* () {
    const planned = plannedHardware(node)
    if (planned === undefined) return
    const here = Option.getOrUndefined(yield* Effect.option(hardwareHere(planned.device)))
    if (here?.name !== planned.name) return yield* new HardwareDiffers({ node: node.name, planned, here })
  })
