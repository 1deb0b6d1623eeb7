import type { StoredArtifact } from "../../pipeline/index.ts"
import { type AdapterCard, type ModelCard, templateText } from "../../schemas/index.ts"
import type { TrainConfig } from "./contract.ts"
import type { LogRow } from "./LogFile.ts"
import type { TrainingData } from "./TrainingData.ts"

/** What a model's card tells of its making; nothing of it depends on when or where. */
export interface CardFacts {
  readonly config: TrainConfig
  readonly base: ModelCard
  readonly data: TrainingData
  /** The step whose weights were kept, and how many were done. */
  readonly kept: number
  readonly done: number
  /** Measurements on the dev split at that step. */
  readonly measured: ReadonlyArray<LogRow>
  readonly inputs: Readonly<Record<string, StoredArtifact | ReadonlyArray<StoredArtifact>>>
}

const headOf = (base: ModelCard): string => {
  switch (base.head?.kind) {
    case "first-token":
      return "`head.score.weight · states[0] + head.score.bias`"
    case "masked-mean":
      return "`head.score.weight · mean of the tokens' states + head.score.bias`"
    case "attention-pooling":
      return "`head.score.weight · p + head.score.bias`, p the mean of the states weighted by softmax(`head.attention.weight · state`)"
    case "embedding":
      return "the product of the query's vector and the passage's, each made of a text alone"
    default:
      return "the checkpoint's own classifier or decoder"
  }
}

/** The text of the README.md of a trained model or adapter: data, recipe, measures, where it comes from, and how to load it. */
export const modelReadme = (
  { base, config, data, done, inputs, kept, measured }: CardFacts,
  adapter?: AdapterCard,
): string => {
  const { lists, loss, optimizer, seed, steps, system } = config
  const { kind, ...parameters } = loss
  const given = Object.entries(parameters).map(([name, value]) => `${name} ${value}`)
  const browse = data.kinds.filter((each) => each === "browse").length
  const rows = measured.map(({ series, value }) => `| ${series.replace("dev.", "")} | ${value.toFixed(4)} |`)
  const hashes = Object.entries(inputs).flatMap(([name, input]) =>
    ("hash" in input ? [input] : input).map(({ hash }) => `| ${name} | \`${hash}\` |`),
  )
  const { input } = base
  const template = input.texts.kind === "pair" && input.texts.template !== "pair" ? input.texts.template : undefined
  const prompted = (prompt: string): string => (prompt === "" ? "as it is" : `behind \`${prompt}\``)
  const layout =
    input.texts.kind === "single"
      ? `Query (${prompted(input.texts.queryPrefix)}) and passage (${prompted(input.texts.passagePrefix)}) apart`
      : template === undefined
        ? "Query and passage as a pair, in the tokenizer's own layout"
        : `\`${templateText(template)}\`${template.bos ? ", bos before" : ""}${template.eos ? ", eos behind" : ""}`
  return [
    `# ${system}`,
    "",
    `A ranking model made by rankdag: ${base.name} (${base.origin}), ${base.parameters.toLocaleString("en")} weights, trained with the loss **${kind}**${given.length === 0 ? "" : ` (${given.join(", ")})`}.`,
    "",
    ...(adapter === undefined
      ? []
      : [
          `These files are what was trained beside the base: low-rank changes of its weights and the head, ${adapter.parameters.toLocaleString("en")} numbers. \`PeftModel.from_pretrained\` puts the changes over the base as transformers has it; a head of rankdag's own lies in \`head.safetensors\`. The base is known by the SHA-256 of the weights that are changed, \`${adapter.base.fingerprint}\`.`,
          "",
        ]),
    "## Input and score",
    "",
    `${layout}, at most ${input.maximumTokens} tokens. The score is ${headOf(base)}; \`model.onnx\` computes it from input_ids and attention_mask.`,
    "",
    "## Data",
    "",
    `${data.qids.length} train queries (${data.qids.length - browse} questions, ${browse} browse), ${data.passages.length} candidates. ${lists.perStep} lists of ${lists.size} a step; negatives: ${lists.curriculum
      .map(({ name, sources, until }) => {
        const from = sources.map(
          (s) => `${s.kind}${s.kind === "random" ? "" : ` ${s.from}–${s.to ?? "last"}`} × ${s.share}`,
        )
        return `${name} to ${Math.round(until * steps)} (${from.join(", ")})`
      })
      .join("; ")}.`,
    "",
    "## Recipe",
    "",
    `${optimizer.kind}, learning rate ${optimizer.learningRate}, ${optimizer.schedule.kind} with ${optimizer.schedule.warmup} steps of warm-up, weight decay ${optimizer.weightDecay}, gradient norm at most ${optimizer.clip}, dropout ${config.dropout}, seed ${seed}. ${done} of ${steps} steps were done; the weights are those after step ${kept}.`,
    "",
    ...(rows.length === 0
      ? []
      : ["## Measures on the dev split", "", "| measure | value |", "| --- | --: |", ...rows, ""]),
    "## Where it comes from",
    "",
    "| input | content hash |",
    "| --- | --- |",
    ...hashes,
    "",
  ].join("\n")
}
