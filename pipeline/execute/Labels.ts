import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { Hardware } from "../../schemas/index.ts"
import { namesNode, type StageNode } from "../plan/index.ts"

/** What a machine has, or a node needs: of each label so much. One that is a word alone stands for 1: `gpu`, `mem=80`. */
export type Labels = ReadonlyMap<string, number>

/** Reads `gpu,mem=80`; `Left` says what is wrong with it. */
export const readLabels = (text: string): Either.Either<Labels, string> => {
  const labels = new Map<string, number>()
  for (const label of text.split(",").filter((each) => each !== "")) {
    const [, name, amount] = /^([a-z][a-z0-9]*)(?:=([1-9][0-9]{0,8}))?$/.exec(label) ?? []
    if (name === undefined) {
      return Either.left(
        `«${label}» is no label: a word of small letters and digits, or one with an amount, as gpu or mem=80`,
      )
    }
    labels.set(name, Number(amount ?? 1))
  }
  return Either.right(labels)
}

/** `gpu,mem=80`. */
export const labelsText = (labels: Labels): string =>
  [...labels].map(([name, amount]) => (amount === 1 ? name : `${name}=${amount}`)).join(",")

/** Whether a machine has all that is needed, and as much of it. */
export const meets = (has: Labels, needs: Labels): boolean =>
  [...needs].every(([name, amount]) => (has.get(name) ?? 0) >= amount)

/** What the user says that nodes need. */
export interface AskedNeeds {
  /** As `--target` names nodes. */
  readonly of: string
  readonly labels: Labels
}

/** What was said of a node; of what is said twice, the greater. */
export const askedNeeds = (node: StageNode, asked: ReadonlyArray<AskedNeeds>): Labels => {
  const needs = new Map<string, number>()
  for (const { labels, of } of asked) {
    if (!namesNode(of, node)) continue
    for (const [name, amount] of labels) needs.set(name, Math.max(amount, needs.get(name) ?? 0))
  }
  return new Map([...needs].sort(([a], [b]) => (a < b ? -1 : 1)))
}

const usesHardware = Schema.is(Schema.Struct({ hardware: Hardware }))

/** What a node's models are planned to run on; none where it has none. */
export const plannedHardware = ({ config }: StageNode): Hardware | undefined =>
  usesHardware(config) ? config.hardware : undefined

/** What was said of a node, and a graphics card for what is planned for one. */
export const needsOf = (node: StageNode, asked: ReadonlyArray<AskedNeeds>): Labels => {
  const said = askedNeeds(node, asked)
  const { device } = plannedHardware(node) ?? { device: "cpu" }
  if (device === "cpu" || said.has("gpu")) return said
  return new Map([...said, ["gpu", 1] as const].sort(([a], [b]) => (a < b ? -1 : 1)))
}

const queuePrefix = "rankdag"

/** The queue of what needs these: `rankdag`, `rankdag.gpu.mem-80`. */
export const queueOf = (needs: Labels): string =>
  [queuePrefix, ...[...needs].map(([name, amount]) => (amount === 1 ? name : `${name}-${amount}`))].join(".")

/** What the tasks of a queue need; none where the queue is not one of ours. */
export const needsOfQueue = (queue: string): Labels | undefined => {
  const [prefix, ...labels] = queue.split(".")
  if (prefix !== queuePrefix) return undefined
  return Either.getOrElse(readLabels(labels.map((label) => label.replace("-", "=")).join(",")), () => undefined)
}
