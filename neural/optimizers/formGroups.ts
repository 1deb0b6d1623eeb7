import * as Either from "effect/Either"
import { causeText, type OptimizerSettings } from "../../schemas/index.ts"
import { GroupsInvalid } from "./GroupError.ts"

/** What a weight's name says about its training. */
export interface WeightGroup {
  /** Its group's place in the settings. */
  readonly group: number
  readonly frozen: boolean
  readonly decays: boolean
}

const compile = (setting: string, pattern: string, names: readonly string[]): Either.Either<RegExp, GroupsInvalid> =>
  Either.try({
    try: () => new RegExp(pattern, "u"),
    catch: (cause) => {
      const why = `is no regular expression (${causeText(cause)})`
      return new GroupsInvalid({ setting, pattern, why, names })
    },
  })

/** Which group each weight belongs to: the first whose pattern its name fits. */
export const formGroups = (
  settings: OptimizerSettings,
  names: readonly string[],
): Either.Either<ReadonlyMap<string, WeightGroup>, GroupsInvalid> =>
  Either.gen(function* () {
    if (settings.kind === "adafactor" && settings.embeddings === "touched") {
      const why = "goes with adamw only: adafactor's second moments are made of every row"
      return yield* Either.left(
        new GroupsInvalid({ setting: "optimizer.embeddings", pattern: settings.embeddings, why, names }),
      )
    }
    const withoutDecay = yield* compile("optimizer.withoutDecay", settings.withoutDecay, names)
    const isWithout = (name: string): boolean => settings.withoutDecay !== "" && withoutDecay.test(name)
    const formed = new Map<string, WeightGroup>()
    for (const [group, { frozen, name: called, pattern }] of settings.groups.entries()) {
      const setting = `the pattern of group ${called},`
      const fits = yield* compile(setting, pattern, names)
      const found = names.filter((name) => fits.test(name))
      if (found.length === 0) {
        return yield* Either.left(new GroupsInvalid({ setting, pattern, why: "fits no weight", names }))
      }
      const own = found.filter((name) => !formed.has(name))
      if (own.length === 0) {
        const why = "fits only weights that belong to earlier groups: put it before them"
        return yield* Either.left(new GroupsInvalid({ setting, pattern, why, names }))
      }
      for (const name of own) formed.set(name, { group, frozen, decays: !isWithout(name) })
    }
    const rest = names.filter((name) => !formed.has(name))
    if (rest.length > 0) {
      const why = "and the others leave weights without a group: end with one whose pattern is «.»"
      const [setting, pattern] = ["the last group's pattern", settings.groups.at(-1)?.pattern ?? ""]
      return yield* Either.left(new GroupsInvalid({ setting, pattern, why, names: rest }))
    }
    if (settings.groups.every(({ frozen }) => frozen)) {
      const [setting, pattern] = ["the groups' pattern", settings.groups[0].pattern]
      return yield* Either.left(new GroupsInvalid({ setting, pattern, why: "and all others are frozen", names }))
    }
    return formed
  })
