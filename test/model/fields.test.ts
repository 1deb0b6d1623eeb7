import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { decodeConfig, modelGraph, Onnx, openTokenizer } from "../../neural/index.ts"
import { layerDuckDb } from "../../pipeline/index.ts"
import { ModelSettings } from "../../schemas/index.ts"
import { inspectModel, modelFieldTables, modelOf } from "../../stages/model/index.ts"
import { Executor } from "../support/smallExperiment.ts"
import { amendJson, amendWeights, smallModel } from "../support/smallModels.ts"
import { temporaryFolder } from "../support/storedTable.ts"

const decodeSettings = Schema.decodeSync(ModelSettings)
type Fields = Readonly<Record<string, unknown>>
type Rest = Partial<Omit<typeof ModelSettings.Encoded, "source">>

/** Makes a model; its warnings, or its failure's message. */
const told = (source: string, rest: Rest = {}) =>
  Effect.gen(function* () {
    const { node } = modelOf(decodeSettings({ source, ...rest })).model
    return (yield* new Executor().make(node)).warnings
  }).pipe(
    Effect.catchAll((error) => Effect.succeed([`error: ${error.message}`])),
    Effect.provide(layerDuckDb()),
  )

const inspected = (source: string, rest: Rest = {}) => inspectModel(decodeSettings({ source, ...rest }), () => {})

/** Fields with a value that is not built, by the file that they stand in, and what is said of them. */
const refused: ReadonlyArray<readonly [file: string, content: object, message: RegExp]> = [
  ["config.json", { is_decoder: true }, /is_decoder is true: a causal mask is due/],
  ["config.json", { add_cross_attention: true }, /add_cross_attention is true/],
  ["config.json", { is_cross_attention: true }, /is_cross_attention is true/],
  ["config.json", { hidden_act: "silu" }, /hidden_act: «silu» is not built; gelu/],
  ["config.json", { position_embedding_type: "relative_key" }, /position_embedding_type is "relative_key"/],
  ["config.json", { rope_scaling: { type: "linear", factor: 2 } }, /rope_scaling is .*not built/],
  ["config.json", { quantization_config: { quant_method: "fp8" } }, /quantization_config.*dequantize/],
  ["config.json", { problem_type: "ranking" }, /problem_type/],
  ["config.json", { auto_map: { AutoModel: "own.Model" } }, /auto_map.*never run.*trust_remote_code/],
  [
    "config.json",
    { sentence_transformers: { activation_fn: "torch.nn.modules.activation.ReLU" } },
    /activation_fn.*order/,
  ],
  ["config.json", { sbert_ce_default_activation_function: "torch.nn.Softplus" }, /activation_fn.*order/],
  ["tokenizer_config.json", { truncation_side: "left" }, /truncation_side is "left"/],
  ["tokenizer_config.json", { model_max_length: "long" }, /model_max_length is "long"/],
  ["config_sentence_transformers.json", { model_type: "SparseEncoder" }, /model_type is «SparseEncoder»/],
  ["config_sentence_transformers.json", { default_prompt_name: "gone", prompts: { query: "q: " } }, /«gone».*«query»/],
  ["sentence_bert_config.json", { transformer_task: "fill-mask" }, /transformer_task is "fill-mask"/],
  ["sentence_bert_config.json", { query_length: 32 }, /query_length is 32/],
  ["sentence_bert_config.json", { max_seq_length: -1 }, /max_seq_length/],
  ["modules.json", [{ idx: 0, name: "0", path: "", type: "custom_st.Transformer" }], /module custom_st\.Transformer/],
  ["adapter_config.json", { peft_type: "LORA" }, /adapter.*merge_and_unload/],
]

describe("the fields of a model's files", () => {
  for (const [file, content, message] of refused) {
    it.effect(`N401 ${file} is refused by field: ${JSON.stringify(content).slice(0, 60)}`, () =>
      Effect.gen(function* () {
        const source = smallModel("bert-cross")
        if (file === "config.json") amendJson(join(source, file), { ...content })
        else writeFileSync(join(source, file), JSON.stringify(content))
        expect((yield* told(source))[0]).toMatch(new RegExp(`^error: .*${message.source}`))
        expect((yield* inspected(source)).problems.join("\n")).toMatch(message)
      }),
    )
  }

  it.effect("N401 the tables in docs/MODELS.md are the code's", () =>
    Effect.gen(function* () {
      const page = readFileSync(join(import.meta.dirname, "../../docs/MODELS.md"), "utf8")
      expect(page.split("<!-- fields -->\n")[1]?.trim()).toBe((yield* modelFieldTables).trim())
    }),
  )

  it("N401 what transformers 4 and 5 call by two names is read alike", () => {
    const part = { num_hidden_layers: 1, head_dim: 8, sliding_window: 7 }
    const thetas = [
      { ...part, rope_theta: 500, torch_dtype: "float32" },
      {
        ...part,
        rope_parameters: { rope_type: "default", rope_theta: 500 },
        dtype: "float32",
        layer_types: ["sliding_attention"],
      },
      { ...part, rope_theta: 501 },
    ].map((encoder) => {
      const { architecture, unknownFields } = Effect.runSync(decodeConfig({ model_type: "t5gemma", encoder }))
      expect(unknownFields).toEqual([])
      const { graph } = Either.getOrThrow(modelGraph({ architecture, head: { kind: "first-token" } }))
      return Buffer.from(Onnx.toBytes(Onnx.encodeModel(graph, { kind: "inputs" }).model))
    })
    const [four, five, other] = thetas
    expect(five?.equals(four ?? Buffer.of())).toBe(true)
    expect(other?.equals(four ?? Buffer.of())).toBe(false)
  })

  it.effect("N402 a field of which nothing is known is a warning, in a run and in model inspect", () =>
    Effect.gen(function* () {
      const source = smallModel("bert-cross")
      amendJson(join(source, "config.json"), { alibi: true, sentence_transformers: { activation: "x" } })
      writeFileSync(join(source, "tokenizer_config.json"), JSON.stringify({ do_lower_case: true, byte_order: 1 }))
      writeFileSync(join(source, "sentence_bert_config.json"), JSON.stringify({ scale_by: 2 }))
      const wanted = [
        ["config.json", "alibi"],
        ["config.json", "sentence_transformers.activation"],
        ["tokenizer_config.json", "byte_order"],
        ["sentence_bert_config.json", "scale_by"],
      ].map(
        ([file, field]) => `${file} has the field ${field}, of which nothing is known here: it may change the scores`,
      )
      expect(yield* told(source)).toEqual(wanted)
      const found = yield* inspected(source)
      expect(found.warnings).toEqual(wanted)
      expect(found.problems).toEqual([])
    }),
  )

  it.effect(
    "N403 prompts by their names as sentence-transformers 6.2.0 chooses them, and which of the others are told",
    () =>
      Effect.gen(function* () {
        const input = (content: object, rest: Rest = {}) =>
          Effect.gen(function* () {
            const source = smallModel("bert")
            writeFileSync(join(source, "config_sentence_transformers.json"), JSON.stringify(content))
            const found = yield* inspected(source, rest)
            const texts = found.input?.texts
            return texts?.kind === "single"
              ? [texts.queryPrefix, texts.passagePrefix, found.warnings.length]
              : undefined
          })
        expect(yield* input({ prompts: { query: "q: ", document: "d: " } })).toEqual(["q: ", "d: ", 0])
        expect(yield* input({ prompts: { query: "q: ", document: "", passage: "p: " } })).toEqual(["q: ", "", 1])
        expect(yield* input({ prompts: { query: "q: ", passage: "p: " } })).toEqual(["q: ", "", 1])
        expect(yield* input({ prompts: { all: "a: " }, default_prompt_name: "all" })).toEqual(["", "", 1])
        const unused = { prompts: { query: "", document: "", all: "a: " }, default_prompt_name: "all" }
        expect(yield* input(unused)).toEqual(["", "", 1])
        expect(yield* input(unused, { queryPrefix: "x", passagePrefix: "" })).toEqual(["x", "", 1])
      }),
  )

  it.effect("N404 token types are passed or not, as model_input_names or else the class says", () =>
    Effect.gen(function* () {
      const types = (config: object) =>
        Effect.gen(function* () {
          const source = smallModel("bert-cross")
          writeFileSync(join(source, "tokenizer_config.json"), JSON.stringify(config))
          const { tokenizer } = yield* openTokenizer(source)
          return tokenizer.layouts?.pair.map(({ type }) => type).join("")
        })
      expect(yield* types({})).toBe("00011")
      expect(yield* types({ tokenizer_class: "BertTokenizer" })).toBe("00011")
      expect(yield* types({ tokenizer_class: "BertTokenizer", model_input_names: ["input_ids"] })).toBe("00000")
      expect(yield* types({ model_input_names: ["input_ids", "token_type_ids"] })).toBe("00011")
    }),
  )

  it.effect("N405 of several labels the one that is asked for by number or name; of two label 1, which is said", () =>
    Effect.gen(function* () {
      const source = smallModel("bert-cross-two")
      expect((yield* told(source))[0]).toMatch(/2 labels \(0 LABEL_0, 1 LABEL_1\): label 1 is taken for relevant/)
      expect(yield* told(source, { label: "LABEL_0" })).toEqual([])
      expect((yield* told(source, { label: 2 }))[0]).toMatch(/^error: .*label 2 is none of its 2 \(0 LABEL_0/)
      expect((yield* told(source, { label: "LABEL_O" }))[0]).toMatch(/none of its 2 .*LABEL_0/)
      expect((yield* told(smallModel("bert"), { label: 0 }))[0]).toMatch(/^error: .*its head is embedding/)
      const three = join(import.meta.dirname, "../reference/sentence-transformers/folders/cross-3")
      const message = (yield* told(three))[0]
      expect(message).toMatch(/^error: .*3 labels \(0 Exact, 1 Irrelevant, 2 Substitute\).*"label": "Exact"/)
      expect((yield* inspected(three)).problems[0]).toMatch(/3 labels/)
      expect((yield* inspected(three, { label: "Substitute" })).head).toEqual({
        kind: "classifier",
        labels: 3,
        label: 2,
      })
    }),
  )

  it.effect("N406 a T5 whose output is not the embedding lacks lm_head.weight where it is not there", () =>
    Effect.gen(function* () {
      const source = smallModel("t5-seq2seq-untied")
      const head = { kind: "decoder-logit", token: 11 } as const
      expect(yield* told(source, { head })).toEqual([])
      yield* Effect.promise(() =>
        amendWeights(
          source,
          () => {},
          (name) => name !== "lm_head.weight",
        ),
      )
      expect((yield* told(source, { head }))[0]).toMatch(/^error: .*missing: lm_head\.weight/)
    }),
  )

  it.effect("N407 a folder without a tokenizer is an error before anything runs", () =>
    Effect.gen(function* () {
      const source = smallModel("bert-cross")
      rmSync(join(source, "vocab.txt"))
      expect(() => modelOf(decodeSettings({ source }))).toThrow(/holds no tokenizer: none of tokenizer\.json/)
      expect((yield* inspected(source)).problems[0]).toMatch(/holds no tokenizer/)
      expect(readFileSync(join(source, "config.json"), "utf8")).toContain("bert")
    }),
  )

  /** A folder of sentence-transformers', with its tokenizer's files changed. */
  const savedCross = (file: Fields, config: Fields): string => {
    const source = join(temporaryFolder("saved"), "cross")
    cpSync(join(import.meta.dirname, "../reference/sentence-transformers/folders/cross-1"), source, { recursive: true })
    amendJson(join(source, "tokenizer.json"), file)
    amendJson(join(source, "tokenizer_config.json"), config)
    return source
  }

  it.effect("N440 tokens that tokenizer_config.json names besides are added, under a piece's id or behind all", () =>
    Effect.gen(function* () {
      const open = (config: Fields) => Effect.map(openTokenizer(savedCross({}, config)), (opened) => opened.tokenizer)
      const plain = yield* open({})
      const k = plain.idOf("k") ?? -1
      expect(plain.encode("oak")).not.toContain(k)
      const named = yield* open({ extra_special_tokens: ["k", "[DOC]"] })
      expect([...named.encode("oak[DOC]")].slice(-2)).toEqual([k, plain.vocabularySize])
      expect(named.vocabularySize).toBe(plain.vocabularySize + 1)
      for (const config of [
        { additional_special_tokens: [{ content: "k" }] },
        { extra_special_tokens: { letter: "k" } },
        { added_tokens_decoder: { [k]: { content: "k", lstrip: true } } },
      ]) {
        expect((yield* open(config)).encode("oak")).toContain(k)
      }
      const lacking = savedCross({}, { extra_special_tokens: Array.from({ length: 40 }, (_, i) => `[D${i}]`) })
      expect((yield* told(lacking))[0]).toMatch(/^error: .*embedding/)
    }),
  )

  it.effect("N441 BERT's class makes layouts and words itself; another leaves them to tokenizer.json", () =>
    Effect.gen(function* () {
      const single = [{ SpecialToken: { id: "[CLS]", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }]
      const post_processor = {
        type: "TemplateProcessing",
        single,
        pair: [...single, { Sequence: { id: "B", type_id: 0 } }],
        special_tokens: { "[CLS]": { id: "[CLS]", ids: [2], tokens: ["[CLS]"] } },
      }
      const pair = (config: Fields) =>
        Effect.map(openTokenizer(savedCross({ post_processor }, config)), ({ tokenizer }) =>
          tokenizer.layouts?.pair.map((part) => ("ids" in part ? part.ids.join() : part.text)).join(" "),
        )
      expect(yield* pair({})).toBe("2 first 3 second 3")
      expect(yield* pair({ sep_token: "[MASK]" })).toBe("2 first 4 second 4")
      expect(yield* pair({ tokenizer_class: "TokenizersBackend" })).toBe("2 first second")
      const whole = { pre_tokenizer: { type: "WhitespaceSplit" } }
      const pieces = (config: Fields) =>
        Effect.map(openTokenizer(savedCross(whole, config)), ({ tokenizer }) => tokenizer.encode("oak,red").length)
      expect(yield* pieces({})).toBe(3)
      expect(yield* pieces({ tokenizer_class: "TokenizersBackend" })).toBe(1)
    }),
  )

  it.effect("N442 cutting and padding at a text's beginning are refused where they change scores", () =>
    Effect.gen(function* () {
      const left = { truncation: { direction: "Left", max_length: 8, strategy: "LongestFirst", stride: 0 } }
      expect((yield* told(savedCross(left, {})))[0]).toMatch(/^error: .*truncation\.direction is Left/)
      expect(yield* told(savedCross(left, { truncation_side: "right" }))).toEqual([])
      const padding = { padding: { direction: "Left", strategy: "BatchLongest" } }
      expect((yield* told(savedCross(padding, {})))[0]).toMatch(/^error: .*pads on the left.*batch/)
      expect(yield* told(savedCross(padding, { padding_side: "right" }))).toEqual([])
      expect((yield* told(savedCross({}, { padding_side: "left" })))[0]).toMatch(/^error: .*pads on the left/)
    }),
  )

  it("N443 what config.json leaves out has the default of its model type", () => {
    const read = (model_type: string) => Either.getOrThrow(decodeConfig({ model_type })).architecture
    expect(read("electra")).toMatchObject({ width: 256, heads: 4, innerWidth: 1024 })
    const { tensors } = Either.getOrThrow(modelGraph({ architecture: read("electra"), head: { kind: "embedding" } }))
    expect(tensors.find(({ name }) => name === "embeddings.word_embeddings.weight")?.shape).toEqual([30522, 128])
    expect(read("bert")).toMatchObject({ width: 768, heads: 12, innerWidth: 3072, vocabulary: 30522 })
    expect(read("roberta")).toMatchObject({ width: 768, heads: 12, vocabulary: 50265, positionLimit: 510 })
  })
})
