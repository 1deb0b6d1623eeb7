import { monoT5Template } from "../../neural/index.ts"
import { didYouMean, type PairTemplate } from "../../schemas/index.ts"

/**
 * How published rerankers read a query and a passage where no file of theirs says it: their prompt, their limit, and the words
 * between which they choose, as their authors' code has them.
 */
export interface KnownPrompt {
  /** What `template` calls it. */
  readonly name: string
  readonly template: (instruction: string) => PairTemplate
  /** What stands for the instruction where none is set; absent where the prompt has none. */
  readonly instruction?: string
  /** Most tokens of an input. */
  readonly maximumTokens: number
  /** Entries of the vocabulary: the score is the log-probability of the first against the second, or its logit alone. */
  readonly words: { readonly yes: string; readonly no?: string }
  /** Repositories of the hub that it goes with, `owner/name`. */
  readonly repositories: readonly string[]
  /** Words of a chat template by which a folder of any name is known. */
  readonly mark?: string
}

const qwen3Reranker: KnownPrompt = {
  name: "qwen3-reranker",
  template: (instruction) => ({
    parts: [
      '<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct provided. Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n',
      `<Instruct>: ${instruction}\n<Query>: {query}\n<Document>: {document}`,
      "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n",
    ],
    bos: false,
    eos: false,
  }),
  instruction: "Given a web search query, retrieve relevant passages that answer the query",
  maximumTokens: 8192,
  words: { yes: "yes", no: "no" },
  repositories: [
    "Qwen/Qwen3-Reranker-0.6B",
    "Qwen/Qwen3-Reranker-4B",
    "Qwen/Qwen3-Reranker-8B",
    "tomaarsen/Qwen3-Reranker-0.6B-seq-cls",
    "tomaarsen/Qwen3-Reranker-4B-seq-cls",
    "tomaarsen/Qwen3-Reranker-8B-seq-cls",
  ],
  mark: "Judge whether the Document meets the requirements based on the Query and the Instruct provided.",
}

const mxbaiRerank: KnownPrompt = {
  name: "mxbai-rerank-v2",
  template: () => ({
    parts: [
      "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n<|im_start|>user\n",
      "query: {query}",
      "\n",
      "document: {document}",
      "\n",
      "You are a search relevance expert who evaluates how well documents match search queries. For each query-document pair, carefully analyze the semantic relationship between them, then provide your binary relevance judgment (0 for not relevant, 1 for relevant).\nRelevance:",
      "<|im_end|>\n<|im_start|>assistant\n",
    ],
    bos: false,
    eos: false,
  }),
  maximumTokens: 8192,
  words: { yes: "1", no: "0" },
  repositories: ["mixedbread-ai/mxbai-rerank-base-v2", "mixedbread-ai/mxbai-rerank-large-v2"],
  mark: "You are a search relevance expert who evaluates how well documents match search queries.",
}

const bgeGemma: KnownPrompt = {
  name: "bge-reranker-v2-gemma",
  template: () => ({
    parts: [
      "A: {query}",
      "\n",
      "B: {document}",
      "\n",
      "Given a query A and a passage B, determine whether the passage contains an answer to the query by providing a prediction of either 'Yes' or 'No'.",
    ],
    bos: true,
    eos: false,
  }),
  maximumTokens: 1024,
  words: { yes: "Yes" },
  repositories: ["BAAI/bge-reranker-v2-gemma"],
}

const mt5: KnownPrompt = {
  name: "mono-mt5",
  template: () => monoT5Template,
  maximumTokens: 512,
  words: { yes: "\u2581yes", no: "\u2581no" },
  repositories: ["unicamp-dl/mt5-base-mmarco-v1", "unicamp-dl/mt5-base-mmarco-v2", "unicamp-dl/mt5-base-en-msmarco"],
}

const monoT5: KnownPrompt = {
  name: "mono-t5",
  template: () => monoT5Template,
  maximumTokens: 512,
  words: { yes: "\u2581true", no: "\u2581false" },
  repositories: [
    "castorini/monot5-small-msmarco-10k",
    "castorini/monot5-base-msmarco",
    "castorini/monot5-base-msmarco-10k",
    "castorini/monot5-large-msmarco",
    "castorini/monot5-large-msmarco-10k",
    "castorini/monot5-3b-msmarco",
    "castorini/monot5-3b-msmarco-10k",
  ],
}

/** In the order in which they are told. */
export const knownPrompts: readonly KnownPrompt[] = [qwen3Reranker, mxbaiRerank, bgeGemma, monoT5, mt5]

/** The prompt that `template` names; undefined where it is a template itself. */
export const promptNamed = (template: unknown): KnownPrompt | undefined =>
  knownPrompts.find(({ name }) => name === template)

const ending = (name: string): string => (name.split("/").at(-1) ?? name).toLowerCase()

/**
 * The prompt of a published model: by its repository, the name of its folder, or its chat template.
 *
 * @param names a repository, `owner/name`, or the end of one
 */
export const promptOf = (names: readonly string[], chatTemplate: string | undefined): KnownPrompt | undefined => {
  const asked = new Set(names.map(ending))
  return (
    knownPrompts.find(({ repositories }) => repositories.some((each) => asked.has(ending(each)))) ??
    knownPrompts.find(({ mark }) => mark !== undefined && chatTemplate?.includes(mark) === true)
  )
}

/** The names of the known prompts in words, and the nearest to one that is none. */
export const promptNames = (near = ""): string => {
  const names = knownPrompts.map(({ name }) => name)
  return `${names.join(", ")}${near === "" ? "" : didYouMean(near, names)}`
}
