import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { type RelativeAttention, relativeRow } from "../../../neural/architectures/families/DebertaEncoder.ts"
import { decodeConfig, modelGraph } from "../../../neural/architectures/index.ts"
import { modelsFolder, readJson } from "./golden.ts"

const decodeRows = Schema.decodeUnknownSync(
  Schema.Array(Schema.Struct({ buckets: Schema.Int, maximum: Schema.Int, rows: Schema.Array(Schema.Int) })),
)

const architecture = (json: object) => Effect.runSync(decodeConfig(json)).architecture
const refusal = (json: object): string =>
  Either.match(decodeConfig(json), { onLeft: (error) => error.message, onRight: () => "taken" })

describe("ModernBERT", () => {
  const base = { model_type: "modernbert", num_hidden_layers: 7 }

  it("N521 the first layer and every third are global, the window is half of local_attention", () => {
    const { positionLimit, sizes } = architecture(base)
    expect({ positionLimit, ...sizes }).toEqual({ positionLimit: 8192, "local layers": 4, window: 64, positions: 8192 })
    expect(architecture({ ...base, local_attention: 33 }).sizes["window"]).toBe(16)
    expect(architecture({ ...base, sliding_window: 5 }).sizes["window"]).toBe(5)
    expect(architecture({ ...base, global_attn_every_n_layers: 2 }).sizes["local layers"]).toBe(3)
    const kinds = Array.from({ length: 7 }, () => "sliding_attention")
    expect(architecture({ ...base, layer_types: kinds, global_attn_every_n_layers: 2 }).sizes["local layers"]).toBe(7)
  })

  it.each([
    [{ layer_types: ["full_attention"] }, /layer_types: 1 entries for 7 layers/],
    [{ layer_types: Array.from({ length: 7 }, () => "chunked_attention") }, /layer_types: «chunked_attention» is not/],
    [{ hidden_activation: "silu" }, /hidden_activation: «silu» is not built/],
    [{ classifier_activation: "tanh" }, /classifier_activation: «tanh» is not built/],
    [{ classifier_pooling: "max" }, /classifier_pooling/],
    [{ num_attention_heads: 7 }, /num_attention_heads: it must divide hidden_size/],
    [{ rope_parameters: { sliding_attention: { rope_type: "yarn" } } }, /rope_parameters: «yarn» is not built/],
    [{ rope_scaling: { rope_type: "linear", factor: 2 } }, /rope_scaling is/],
  ])("N521 %o is refused by field", (fields, message) => {
    expect(refusal({ ...base, ...fields })).toMatch(message)
  })
})

describe("DeBERTa-v2", () => {
  const base = { model_type: "deberta-v2", relative_attention: true, pos_att_type: "p2c|c2p" }

  it("N522 distances fall into transformers' rows", () => {
    const tables = decodeRows(readJson(modelsFolder, "deberta-rows.json"))
    expect(tables.length).toBeGreaterThan(5)
    for (const { buckets, maximum, rows } of tables) {
      const relative: RelativeAttention = {
        span: buckets > 0 ? buckets : maximum,
        buckets: buckets > 0 ? buckets : undefined,
        maximumDistance: maximum,
        normalized: false,
        sharedProjections: true,
      }
      const half = (rows.length - 1) / 2
      expect(rows.map((_, at) => relativeRow(relative, at - half))).toEqual(rows)
    }
  })

  it.each([
    [{ conv_kernel_size: 3, conv_act: "gelu" }, /conv_kernel_size is 3: the convolution/],
    [{ pos_att_type: "p2c|p2p" }, /pos_att_type: «p2p» is not built/],
    [{ pos_att_type: null }, /pos_att_type: relative_attention without a product/],
    [{ norm_rel_ebd: "batch_norm" }, /norm_rel_ebd: «batch_norm» is not built/],
    [{ attention_head_size: 48 }, /attention_head_size: 48 is not/],
    [{ pooler_hidden_size: 8 }, /pooler_hidden_size: 8 is not hidden_size/],
    [{ pooler_hidden_act: "silu" }, /pooler_hidden_act: «silu» is not built/],
    [{ position_buckets: 256, max_position_embeddings: 100 }, /position_buckets: 256 buckets do not end within 100/],
  ])("N522 %o is refused by field", (fields, message) => {
    expect(refusal({ ...base, ...fields })).toMatch(message)
  })
})

describe("mT5 and UMT5", () => {
  const outputs = (json: object): readonly string[] => {
    const made = modelGraph({ architecture: architecture(json), head: { kind: "decoder-logit", token: 1 } })
    const tensors = Either.getOrThrow(made).tensors
    return tensors.flatMap(({ aliases, name }) => (name === "lm_head.weight" ? [name, ...aliases] : []))
  }
  const small = { vocab_size: 8, num_layers: 1, d_model: 8, d_kv: 4, d_ff: 8, num_heads: 2 }

  it("N523 the output is a table of its own, which tied files may leave out", () => {
    const untied = { ...small, tie_word_embeddings: false }
    expect(outputs({ ...untied, model_type: "mt5" })).toEqual(["lm_head.weight"])
    expect(outputs({ ...small, model_type: "mt5" })).toEqual(["lm_head.weight", "shared.weight"])
    expect(outputs({ ...untied, model_type: "umt5" })).toEqual(["lm_head.weight"])
    // A tied UMT5 is a T5 1.0 in this: the embedding, scaled.
    expect(outputs({ ...small, model_type: "umt5" })).toEqual([])
    const saved = { ...small, model_type: "umt5", tie_word_embeddings: true, scale_decoder_outputs: false }
    expect(outputs(saved)).toEqual(["lm_head.weight", "shared.weight"])
  })
})
