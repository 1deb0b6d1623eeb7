import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { classifierHead, type Head, headKindOf, type PretrainedConfig, type Tokenizer } from "../../neural/index.ts"
import { ModelCard, readyGraphRemedy } from "../../schemas/index.ts"
import type { ModelConfig } from "./contract.ts"
import { ModelUnsuitable } from "./ModelError.ts"
import type { SavedSettings } from "./sentenceTransformers.ts"

const decodeHead = Schema.decodeSync(ModelCard.fields.head.from)

/** Functions on a logit that keep the order of scores. */
const keepsOrder: ReadonlySet<string> = new Set(["Identity", "Sigmoid", "Tanh", "Softmax", "LogSigmoid"])

/** A head, and what is to be said about its choice. */
export interface ChosenHead {
  readonly head: Head | undefined
  readonly warnings: ReadonlyArray<string>
}

/** The function that sentence-transformers puts on the logits, by its last name; only its own library's are run without trust. */
const activationOf = (path: string | undefined): string | undefined =>
  path?.startsWith("torch.") === true ? path.split(".").at(-1) : undefined

const classifier = (config: ModelConfig, pretrained: PretrainedConfig, activation: string | undefined) =>
  Effect.gen(function* () {
    const { label, name: model } = config
    const unsuitable = (problem: string, remedy: string) => new ModelUnsuitable({ model, problem, remedy })
    const warnings: Array<string> = []
    const named = activationOf(activation)
    if (named !== undefined && !keepsOrder.has(named)) {
      const problem = `its activation_fn ${activation} on the logits can change the order of scores, and is not built`
      return yield* unsuitable(problem, readyGraphRemedy)
    }
    if (activation !== undefined && named === undefined) {
      warnings.push(
        `its activation_fn ${activation} is its own code, which is never run: the score is the logit before it`,
      )
    }
    const head = classifierHead(pretrained, label)
    if ("problem" in head) return yield* unsuitable(head.problem, head.remedy)
    if (head.kind === "classifier" && head.labels === 2 && label === undefined) {
      const names = pretrained.labelNames.map((name, i) => `${i} ${name}`).join(", ")
      warnings.push(
        `its classifier has 2 labels (${names}): label 1 is taken for relevant; label beside the source says otherwise`,
      )
    }
    const independent = named === "Sigmoid" && head.kind === "classifier" && head.labels > 1
    return { head: independent ? { ...head, independent } : head, warnings } satisfies ChosenHead
  })

/** The piece whose logit is RankT5's score. */
const rankT5Piece = "<extra_id_10>"

/** A decoder's head with its entries of the vocabulary by their names: T5's ids mean something else to another tokenizer. */
const decoderHead = (
  model: string,
  kind: "decoder-choice" | "decoder-logit",
  { architecture }: PretrainedConfig,
  tokenizer: Tokenizer | undefined,
): Effect.Effect<Head, ModelUnsuitable> => {
  const { choice } = architecture
  // Without a decoder there are no names, and the head is refused where the graph is made.
  if (tokenizer === undefined || choice === undefined) return Effect.succeed(decodeHead({ kind }))
  const entry = (piece: string) => {
    const id = tokenizer.idOf(piece)
    if (id !== undefined) return Effect.succeed(id)
    const full = kind === "decoder-logit" ? { kind, token: 0 } : { kind, yes: 0, no: 1 }
    return new ModelUnsuitable({
      model,
      problem: `its tokenizer has no «${piece}», which the head ${kind} asks for`,
      remedy: `Give the head in full, with its own ids: { "source": …, "head": ${JSON.stringify(full)} }.`,
    })
  }
  return kind === "decoder-logit"
    ? Effect.map(entry(rankT5Piece), (token) => ({ kind, token }))
    : Effect.all({ kind: Effect.succeed(kind), yes: entry(choice.yes), no: entry(choice.no) })
}

/**
 * The head asked for, by its name with the rest of it from the checkpoint's files, else the one it was saved with: by rankdag, by
 * sentence-transformers, or by the class in `config.json`.
 */
export const chooseHead = (
  config: ModelConfig,
  pretrained: PretrainedConfig,
  saved: Head | undefined,
  beside: SavedSettings,
  tokenizer: Tokenizer | undefined,
): Effect.Effect<ChosenHead, ModelUnsuitable> =>
  Effect.gen(function* () {
    const { head: named, label } = config
    const kind =
      typeof named === "object"
        ? named.kind
        : (named ?? saved?.kind ?? (beside.pools ? "embedding" : headKindOf(pretrained)))
    if (label !== undefined && (kind !== "classifier" || typeof named === "object")) {
      return yield* new ModelUnsuitable({
        model: config.name,
        problem: `a label is asked for, but ${typeof named === "object" ? "its head is given in full" : `its head is ${kind ?? "not known"}, and no classifier`}`,
        remedy: "Leave label out.",
      })
    }
    if (typeof named === "object") return { head: named, warnings: [] }
    if (saved !== undefined && saved.kind === kind && label === undefined) return { head: saved, warnings: [] }
    if (kind === undefined) return { head: undefined, warnings: [] }
    if (kind === "embedding") return { head: yield* beside.embedding, warnings: [] }
    if (kind === "classifier") return yield* classifier(config, pretrained, beside.activation ?? pretrained.activation)
    if (kind === "decoder-choice" || kind === "decoder-logit") {
      return { head: yield* decoderHead(config.name, kind, pretrained, tokenizer), warnings: [] }
    }
    return { head: decodeHead({ kind }), warnings: [] }
  })
