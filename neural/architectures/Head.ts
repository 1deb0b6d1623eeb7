import * as Schema from "effect/Schema"
import { didYouMean, Head, type HeadKind } from "../../schemas/index.ts"
import type { Architecture } from "./Architecture.ts"
import type { PretrainedConfig } from "./config.ts"
import { pooledHeads } from "./Family.ts"

export { Head, type HeadKind, monoT5Tokens, rankT5Token } from "../../schemas/index.ts"

/** The heads that an architecture has. */
export const headsOf = (architecture: Architecture): readonly HeadKind[] => {
  const { classifier, entryLogits, promptDecides } = architecture
  return [
    // A decoder's first token sees itself alone.
    ...pooledHeads.filter((kind) => promptDecides !== true || kind !== "first-token"),
    ...(entryLogits === undefined ? [] : (["decoder-logit", "decoder-choice"] as const)),
    ...(classifier === undefined ? [] : (["classifier"] as const)),
  ]
}

/**
 * A classifier's head: of one label that one, of two label 1, of more than two the one that is asked for; or what is wrong with
 * the label.
 *
 * @param label a number or a name
 */
export const classifierHead = (
  { independentLabels, labelNames, labels }: PretrainedConfig,
  label?: number | string,
): Head | { readonly problem: string; readonly remedy: string } => {
  const chosen = (typeof label === "string" ? labelNames.indexOf(label) : label) ?? [0, 1][labels - 1]
  if (chosen !== undefined && chosen >= 0 && chosen < labels) {
    const independent = independentLabels && labels > 1 ? { independent: true } : {}
    return { kind: "classifier", labels, label: chosen, ...independent }
  }
  const list = labelNames.map((name, i) => `${i} ${name}`).join(", ")
  const example = JSON.stringify(labelNames[0])
  return {
    problem:
      chosen === undefined
        ? `its classifier has ${labels} labels (${list}), and which of them means relevant is not said`
        : `the label ${JSON.stringify(label)} is none of its ${labels} (${list})${typeof label === "string" ? didYouMean(label, labelNames) : ""}`,
    remedy: `Say it beside the source, by number or name: { "source": …, "label": ${example} }.`,
  }
}

/** The kind of head that a checkpoint was saved with, as far as its class says it. */
export const headKindOf = ({ architecture, classes }: PretrainedConfig): HeadKind | undefined =>
  architecture.headOfClass(classes[0] ?? "")

const decodeHead = Schema.decodeSync(Head)

/** The head that a checkpoint was saved with, as far as its class says it; undefined where a head, or a label, must be chosen. */
export const headOf = (config: PretrainedConfig): Head | undefined => {
  const kind = headKindOf(config)
  if (kind !== "classifier") return kind === undefined ? undefined : decodeHead({ kind })
  const head = classifierHead(config)
  return "kind" in head ? head : undefined
}
