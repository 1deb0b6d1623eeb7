import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { classifierHead, type Head, headKindOf, type PretrainedConfig, type Tokenizer } from "../../neural/index.ts"
import { ModelCard, readyGraphRemedy } from "../../schemas/index.ts"
import type { ModelConfig } from "./contract.ts"
import { type KnownPrompt, promptNames } from "./knownPrompts.ts"
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

/** The head that goes with the words of a prompt. */
const choiceOf = ({ words }: KnownPrompt) => (words.no === undefined ? "decoder-logit" : "decoder-choice")

/** The entries of the vocabulary that a prompt asks for; without a prompt «yes» and «no», as sentence-transformers 6.2 has it. */
const chosenWords = (
  config: ModelConfig,
  kind: "decoder-choice" | "decoder-logit",
  prompt: KnownPrompt | undefined,
  tokenizer: Tokenizer | undefined,
) =>
  Effect.gen(function* () {
    const words = prompt?.words ?? { yes: "yes", no: "no" }
    const idOf = (word: string) => {
      const id = tokenizer?.idOf(word)
      return id === undefined
        ? new ModelUnsuitable({
            model: config.name,
            problem: `its tokenizer has no token «${word}», one of the words between which ${prompt === undefined ? "a decoder" : `the prompt ${prompt.name}`} has it choose`,
            remedy:
              'Give the entries of its vocabulary: { "source": …, "head": { "kind": "decoder-choice", "yes": <id>, "no": <id> }, … }.',
          })
        : Effect.succeed(id)
    }
    if (prompt === undefined && config.template === undefined) {
      return yield* new ModelUnsuitable({
        model: config.name,
        problem: `the head «${kind}» is asked for, and how its prompt goes is not known`,
        remedy: `Set template: one of ${promptNames()}, or its parts, [ "…{query}…", "…{document}", "…" ].`,
      })
    }
    const yes = yield* idOf(words.yes)
    if (kind === "decoder-logit") return { head: { kind, token: yes }, warnings: [] } satisfies ChosenHead
    if (words.no === undefined) {
      return yield* new ModelUnsuitable({
        model: config.name,
        problem: `the prompt ${prompt?.name ?? ""} goes with the logit of «${words.yes}» alone`,
        remedy: "Take the head «decoder-logit», or give yes and no by their ids.",
      })
    }
    const no = yield* idOf(words.no)
    const warnings =
      prompt === undefined
        ? [`it chooses between «yes» (${yes}) and «no» (${no}), which nothing of its files says`]
        : []
    return { head: { kind, yes, no }, warnings } satisfies ChosenHead
  })

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
  prompt?: KnownPrompt,
): Effect.Effect<ChosenHead, ModelUnsuitable> =>
  Effect.gen(function* () {
    const { head: named, label } = config
    const stated =
      typeof named === "object"
        ? named.kind
        : (named ?? saved?.kind ?? (beside.pools ? "embedding" : headKindOf(pretrained)))
    const kind = stated ?? (prompt === undefined ? undefined : choiceOf(prompt))
    if (label !== undefined && (kind !== "classifier" || typeof named === "object")) {
      return yield* new ModelUnsuitable({
        model: config.name,
        problem: `a label is asked for, but ${typeof named === "object" ? "its head is given in full" : `its head is ${kind ?? "not known"}, and no classifier`}`,
        remedy: "Leave label out.",
      })
    }
    if (typeof named === "object") return { head: named, warnings: [] }
    if (saved !== undefined && saved.kind === kind && label === undefined) return { head: saved, warnings: [] }
    if (kind === undefined && pretrained.architecture.promptDecides === true) {
      return yield* new ModelUnsuitable({
        model: config.name,
        problem: `its class ${pretrained.classes[0] ?? "is not said, and it"} is a decoder's, which scores by its prompt and the words between which it chooses, and it is none that is known by its name or chat template`,
        remedy: `Say which prompt: { "source": …, "template": "qwen3-reranker" }, of ${promptNames()}; or all of it: { "source": …, "head": { "kind": "decoder-choice", "yes": <id>, "no": <id> }, "template": ["…{query}…", "…{document}", "…"] }; or take the head «embedding».`,
      })
    }
    if (kind === undefined) return { head: undefined, warnings: [] }
    const decides =
      pretrained.architecture.promptDecides === true || (prompt !== undefined && kind === choiceOf(prompt))
    if (decides && (kind === "decoder-choice" || kind === "decoder-logit")) {
      return yield* chosenWords(config, kind, prompt, tokenizer)
    }
    if (kind === "embedding") return { head: yield* beside.embedding, warnings: [] }
    if (kind === "classifier") return yield* classifier(config, pretrained, beside.activation ?? pretrained.activation)
    if (kind === "decoder-choice" || kind === "decoder-logit") {
      return { head: yield* decoderHead(config.name, kind, pretrained, tokenizer), warnings: [] }
    }
    return { head: decodeHead({ kind }), warnings: [] }
  })
