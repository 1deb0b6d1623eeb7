import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { layerOnnxRuntime, Onnx, openScorer, type TokenSequence } from "../../neural/index.ts"
import { type DuckDb, layerDuckDb, type StageError } from "../../pipeline/index.ts"
import { type Head, ModelCard, ModelSettings } from "../../schemas/index.ts"
import { modelOf } from "../../stages/model/index.ts"
import { Executor } from "../support/smallExperiment.ts"
import {
  amendJson,
  amendWeights,
  fixtures,
  smallModel,
  smallVocabulary,
  writeVocabulary,
} from "../support/smallModels.ts"
import { temporaryFolder } from "../support/storedTable.ts"

const live = <A, E>(effect: Effect.Effect<A, E, DuckDb>) => Effect.provide(effect, layerDuckDb())

/** What a model's settings may say besides its source. */
type Rest = Partial<Omit<typeof ModelSettings.Encoded, "source">>

const decodeSettings = Schema.decodeSync(ModelSettings)
const decodeCard = Schema.decodeSync(Schema.parseJson(ModelCard))

/** Makes the model of a source: its folder, card, tokenizer's folder and facts. */
const made = (source: string, rest: Rest = {}, freshHead?: number) =>
  Effect.gen(function* () {
    const wired = yield* Effect.sync(() => modelOf(decodeSettings({ source, ...rest }), freshHead))
    const { facts, outputs, warnings } = yield* new Executor().make(wired.model.node)
    const folder = outputs["model"]?.path ?? ""
    const card = decodeCard(readFileSync(join(folder, "model.json"), "utf8"))
    return { folder, tokenizer: outputs["tokenizer"]?.path ?? "", card, facts, name: wired.name, warnings }
  })

const failure = <A>(effect: Effect.Effect<A, StageError, DuckDb>) =>
  live(Effect.map(Effect.flip(effect), ({ _tag, message }) => `${_tag}: ${message}`))

/** A model's score of one text. */
const scoreOf = (folder: string, text: TokenSequence) =>
  Effect.gen(function* () {
    const scorer = yield* openScorer({ path: join(folder, "model.onnx") }, { device: "cpu", threads: 1 })
    return [...(yield* scorer.score([text]))]
  }).pipe(Effect.scoped, Effect.provide(layerOnnxRuntime))

interface GoldenText {
  readonly ids: ReadonlyArray<number>
  readonly types: ReadonlyArray<number>
  readonly expected: Readonly<Record<string, number | ReadonlyArray<number>>>
}

const goldenText = (fixture: string): GoldenText => {
  const { texts }: { readonly texts: ReadonlyArray<GoldenText> } = JSON.parse(
    readFileSync(join(fixtures, fixture, "golden.json"), "utf8"),
  )
  const text = texts[0]
  if (text === undefined) throw new Error("no text")
  return text
}

const filesOf = (folder: string) =>
  new Map(
    readdirSync(folder)
      .sort()
      .map((name) => [name, readFileSync(join(folder, name))]),
  )

const shared = join(import.meta.dirname, "../../../shared/models/onnx-random")
const hasShared = readdirSync(join(import.meta.dirname, "../../..")).includes("shared")

/** Fixture, head, what the card says of it, and the usual input. */
const heads: ReadonlyArray<readonly [fixture: string, head: Head | undefined, template: unknown]> = [
  ["bert-cross", undefined, "pair"],
  ["bert-cross-two", undefined, "pair"],
  ["electra-cross", undefined, "pair"],
  ["t5-relu", { kind: "first-token" }, { text: "Query: {query} Document: {document}", bos: false, eos: true }],
  ["t5-gated", { kind: "masked-mean" }, { text: "Query: {query} Document: {document}", bos: false, eos: true }],
  [
    "t5-seq2seq-tied",
    { kind: "decoder-logit", token: 11 },
    { text: "Query: {query} Document: {document}", bos: false, eos: true },
  ],
  [
    "t5-seq2seq-untied",
    { kind: "decoder-choice", yes: 23, no: 42 },
    { text: "Query: {query} Document: {document} Relevant:", bos: false, eos: true },
  ],
  [
    "t5gemma-grouped",
    { kind: "attention-pooling" },
    { text: "Query: {query} Document: {document}", bos: false, eos: false },
  ],
]

describe("models", () => {
  for (const [fixture, head, template] of heads)
    it.effect(`N301 N303 ${fixture} becomes a graph with its head and its family's input`, () =>
      live(
        Effect.gen(function* () {
          const { card, facts, folder, name, tokenizer } = yield* made(
            smallModel(fixture),
            head === undefined ? {} : { head },
          )
          expect(name).toBe(fixture)
          const wanted = head ?? {
            kind: "classifier",
            labels: fixture.endsWith("two") ? 2 : 1,
            label: fixture.endsWith("two") ? 1 : 0,
          }
          expect(card).toMatchObject({ form: 1, head: wanted, output: "scores", precision: "fp32", name: fixture })
          expect(card.input).toEqual({ texts: { kind: "pair", template }, maximumTokens: 512 })
          expect(facts).toMatchObject({ head: wanted.kind, maximumTokens: 512, parameters: card.parameters })
          const text = goldenText(fixture)
          const [score] = yield* scoreOf(folder, text)
          expect(Math.abs((score ?? 0) - Number(text.expected[wanted.kind]))).toBeLessThan(1e-4)
          const names = [...filesOf(folder).keys()]
          for (const file of ["config.json", "model.json", "model.onnx", "model.safetensors"])
            expect(names).toContain(file)
          for (const [file, bytes] of filesOf(tokenizer)) {
            if (file !== "input.json") expect(readFileSync(join(folder, file)).equals(bytes)).toBe(true)
          }
        }),
      ),
    )

  it.effect("N301 the same source gives the same bytes, and a model is a source with its head and input", () =>
    live(
      Effect.gen(function* () {
        const source = smallModel("t5-relu")
        const rest: Rest = {
          head: "first-token",
          template: "bread {query} tower {document}",
          eos: false,
          maximumTokens: 40,
        }
        const one = yield* made(source, rest)
        const two = yield* made(source, rest)
        expect(filesOf(two.folder)).toEqual(filesOf(one.folder))
        expect(filesOf(two.tokenizer)).toEqual(filesOf(one.tokenizer))
        const again = yield* made(one.folder, { name: "again" })
        expect(again.card).toMatchObject({
          head: one.card.head,
          input: one.card.input,
          parameters: one.card.parameters,
        })
        expect(filesOf(again.folder).get("model.safetensors")).toEqual(filesOf(one.folder).get("model.safetensors"))
      }),
    ),
  )

  it.effect("N302 a head without weights is an error that names them, and is made where it is to be trained", () =>
    live(
      Effect.gen(function* () {
        const source = smallModel("t5-seq2seq-tied")
        expect(yield* failure(made(source, { head: "masked-mean" }))).toMatch(/^TensorsMismatch: .*head\.score\.weight/)
        const { folder } = yield* made(source, { head: "masked-mean" }, 7)
        const other = yield* made(source, { head: "masked-mean" }, 8)
        const text = goldenText("t5-seq2seq-tied")
        const [one] = yield* scoreOf(folder, text)
        const [two] = yield* scoreOf(other.folder, text)
        expect(Number.isFinite(one)).toBe(true)
        expect(one).not.toBe(two)
        expect(yield* failure(made(source))).toMatch(/^HeadUnsuitable: .*decoder-choice/)
        expect(yield* failure(made(source, { head: "classifier" }))).toMatch(/^HeadUnsuitable: .*first-token/)
        expect(yield* failure(made(source, { head: "decoder-logit" }))).toMatch(/^ModelUnsuitable: .*<extra_id_10>/)
        const beyond = { kind: "decoder-logit", token: 32089 } as const
        expect(yield* failure(made(source, { head: beyond }))).toMatch(/^HeadUnsuitable: .*32089.*64/)
      }),
    ),
  )

  it.effect("N303 what is not said of the input comes from sentence-transformers or the positions", () =>
    live(
      Effect.gen(function* () {
        const source = smallModel("bert")
        writeFileSync(join(source, "sentence_bert_config.json"), JSON.stringify({ max_seq_length: 30 }))
        const { card } = yield* made(source)
        expect(card).toMatchObject({ output: "embeddings", head: { kind: "embedding" } })
        expect(card.input).toEqual({ texts: { kind: "single", queryPrefix: "", passagePrefix: "" }, maximumTokens: 30 })
        amendJson(join(source, "config.json"), { max_position_embeddings: 16 })
        yield* Effect.promise(() => amendWeights(source, () => {}))
        expect(yield* failure(made(source, { maximumTokens: 600 }))).toMatch(/^ModelUnsuitable: .*600.*16/)
        expect(yield* failure(made(smallModel("bert"), { template: "{query} {document}" }))).toMatch(
          /^ModelUnsuitable: .*no use for a template/,
        )
        const prompted = yield* made(smallModel("bert-cross"), { queryPrefix: "query: " })
        expect(prompted.card.input.texts).toEqual({ kind: "pair", template: "pair", queryPrefix: "query: " })
        for (const settings of [
          { passagePrefix: "passage: " },
          { queryPrefix: "query: ", template: "{query} {document}" },
        ])
          expect(yield* failure(made(smallModel("bert-cross"), settings))).toMatch(
            /^ModelUnsuitable: .*no use for a prefix/,
          )
      }),
    ),
  )

  it.effect(
    "N301 a ready graph of our own, by its file or its folder, scores as the checkpoint that it was made of",
    () =>
      live(
        Effect.gen(function* () {
          const checkpoint = yield* made(smallModel("bert-cross"))
          const text = goldenText("bert-cross")
          const expected = yield* scoreOf(checkpoint.folder, text)
          const ready = join(temporaryFolder("ready"), "cross")
          mkdirSync(ready)
          for (const file of ["model.onnx", "model.safetensors", "vocab.txt"])
            cpSync(join(checkpoint.folder, file), join(ready, file))
          renameSync(join(ready, "model.onnx"), join(ready, "cross-encoder.onnx"))
          const graph = yield* made(join(ready, "cross-encoder.onnx"))
          expect(graph.name).toBe("cross-encoder")
          expect(graph.card).toMatchObject({ family: "onnx", output: "scores", parameters: 0 })
          expect(graph.card.head).toBeUndefined()
          expect(graph.card.input).toEqual({ texts: { kind: "pair", template: "pair" }, maximumTokens: 512 })
          expect(yield* scoreOf(graph.folder, text)).toEqual(expected)
          expect(yield* failure(made(join(ready, "cross-encoder.onnx"), { head: "first-token" }))).toMatch(
            /^ModelUnsuitable: .*head inside/,
          )
        }),
      ),
  )

  it.effect("N444 a ready graph that ends in a sigmoid is warned of, and one that has it within is not", () =>
    live(
      Effect.gen(function* () {
        const folder = temporaryFolder("sigmoid")
        writeVocabulary(folder)
        const [batch, sequence] = [Onnx.dimensions.named("batch"), Onnx.dimensions.named("sequence")]
        const ids = Onnx.input("input_ids", "int64", [batch, sequence])
        const sums = Onnx.reduceSum(Onnx.cast(ids, "float32"), [1])
        const write = (name: string, output: Onnx.Expression): string => {
          const graph: Onnx.Graph = { name, inputs: [ids], outputs: { logits: output } }
          writeFileSync(join(folder, name), Onnx.toBytes(Onnx.encodeModel(graph, { kind: "inside" }).model, new Map()))
          return join(folder, name)
        }
        const last = write("last.onnx", Onnx.reshape(Onnx.sigmoid(sums), [batch, 1]))
        const within = write("within.onnx", Onnx.add(Onnx.sigmoid(sums), 1))
        expect((yield* made(last)).warnings).toEqual([
          expect.stringMatching(/output logits is a sigmoid.*Export .* without/),
        ])
        expect((yield* made(within)).warnings).toEqual([])
      }),
    ),
  )

  it.effect.skipIf(!hasShared)(
    "N304 a graph that gives states, not scores, is refused with what it has (skipped without ../shared)",
    () =>
      live(
        Effect.gen(function* () {
          const folder = temporaryFolder("states")
          writeVocabulary(folder)
          for (const file of ["random_encoder.onnx", "dummy_transformer_without_type_ids.onnx"]) {
            cpSync(join(shared, file), join(folder, file))
            expect(yield* failure(made(join(folder, file)))).toMatch(/^InterfaceUnexpected: .*wanted are input_ids/)
          }
        }),
      ),
  )

  it.effect("N304 what is wrong with a checkpoint's folder is named, with what to do", () =>
    live(
      Effect.gen(function* () {
        const damaged = smallModel("bert-cross")
        const whole = readFileSync(join(damaged, "model.safetensors"))
        writeFileSync(join(damaged, "model.safetensors"), whole.subarray(0, 100))
        expect(yield* failure(made(damaged))).toMatch(
          /^CheckpointInvalid: .*header of \d+ bytes, but the file has only 100/,
        )
        const lying = Buffer.from(whole)
        lying.write("F64", lying.indexOf('"F32"') + 1)
        writeFileSync(join(damaged, "model.safetensors"), lying)
        expect(yield* failure(made(damaged))).toMatch(/^CheckpointInvalid: .*F64 .*but its place has/)

        const shapes = smallModel("bert-cross")
        amendJson(join(shapes, "config.json"), { intermediate_size: 48 })
        expect(yield* failure(made(shapes))).toMatch(
          /^TensorsMismatch: .*intermediate.*is \[40, 24\], not \[48, 24\].*Check that config\.json/,
        )

        const strange = smallModel("bert-cross")
        amendJson(join(strange, "config.json"), { model_type: "mamba" })
        expect(yield* failure(made(strange))).toMatch(/^UnknownArchitecture: .*mamba.*t5gemma.*ONNX/)

        const larger = smallModel("bert-cross")
        writeVocabulary(larger, [...smallVocabulary, "xa", "xb", "xc"])
        expect(yield* failure(made(larger))).toMatch(/^VocabularyTooLarge: .*ids up to 65.*64 rows/)

        const lacking = smallModel("bert-cross")
        writeVocabulary(
          lacking,
          smallVocabulary.map((piece) => (piece === "[SEP]" ? "sep" : piece)),
        )
        expect(yield* failure(made(lacking))).toMatch(/^SpecialTokenMissing: .*needs the special token sep/)
        expect(
          yield* failure(
            made(smallModel("t5-relu"), { head: "first-token", template: "{query} <extra_id_0> {document}" }),
          ),
        ).toMatch(/^SpecialTokenMissing: .*<extra_id_0>/)
        expect(yield* failure(made(smallModel("t5-relu"), { head: "first-token", bos: true }))).toMatch(
          /^SpecialTokenMissing: .*bos/,
        )

        const wordless = smallModel("bert-cross")
        rmSync(join(wordless, "vocab.txt"))
        expect(() => modelOf(wordless)).toThrow(/no tokenizer.*Put the files/)
      }),
    ),
  )

  it("N304 N305 a source that is no model is refused while wiring, with the nearest there is", () => {
    const home = temporaryFolder("home")
    const cross = join(home, "minilm-cross")
    mkdirSync(cross)
    const problem = (source: string, rest: Rest = {}): string => {
      try {
        modelOf(decodeSettings({ source, ...rest }))
        return "none"
      } catch (error) {
        return error instanceof Error ? `${error.name}: ${error.message}` : ""
      }
    }
    expect(problem(join(home, "minilm-cros"))).toMatch(/no such folder.*Did you mean «.*minilm-cross»/)
    expect(problem(cross)).toMatch(/it holds no weights/)
    writeFileSync(join(cross, "pytorch_model.bin"), "")
    expect(problem(cross)).toMatch(/pickle.*pytorch_model\.bin.*save it as safetensors/)
    writeFileSync(join(home, "notes.txt"), "")
    expect(problem(join(home, "notes.txt"))).toMatch(/no ONNX graph/)
    expect(problem(smallModel("bert-cross"), { revision: "v2" })).toMatch(/no revision «v2»/)
    expect(problem("owner/name")).toBe("none")
  })

  it.effect("N307 sentence-transformers' pooling, modules and comparison are those that are built, or refused", () =>
    live(
      Effect.gen(function* () {
        const pooled = (pooling: object, modules: ReadonlyArray<string> = [], comparison?: string): string => {
          const folder = smallModel("bert")
          mkdirSync(join(folder, "1_Pooling"))
          writeFileSync(join(folder, "1_Pooling/config.json"), JSON.stringify(pooling))
          const types = ["Transformer", "Pooling", ...modules].map((name, idx) => ({
            idx,
            name: String(idx),
            path: idx === 0 ? "" : `${idx}_${name}`,
            type: `sentence_transformers.models.${name}`,
          }))
          writeFileSync(join(folder, "modules.json"), JSON.stringify(types))
          if (comparison !== undefined) {
            writeFileSync(
              join(folder, "config_sentence_transformers.json"),
              JSON.stringify({ similarity_fn_name: comparison }),
            )
          }
          return folder
        }
        const old = { word_embedding_dimension: 24, pooling_mode_cls_token: false, pooling_mode_mean_tokens: true }
        for (const folder of [
          pooled(old),
          pooled({ embedding_dimension: 24, pooling_mode: "mean", include_prompt: true }, ["Normalize"]),
          pooled(old, ["Normalize"], "dot"),
          pooled(old, [], "cosine"),
          pooled(old, [], "dot"),
          pooled({ ...old, pooling_mode_cls_token: true, pooling_mode_mean_tokens: false }),
          ...["cls", "max", "lasttoken", "weightedmean", "mean_sqrt_len_tokens"].map((mode) =>
            pooled({ pooling_mode: mode }),
          ),
        ]) {
          expect((yield* made(folder)).card.output).toBe("embeddings")
        }
        for (const folder of [
          pooled({ ...old, pooling_mode_max_tokens: true }),
          pooled({ pooling_mode: "attention" }),
          pooled({ pooling_mode: ["mean", "max"] }),
        ]) {
          expect(yield* failure(made(folder))).toMatch(/^ModelUnsuitable: .*1_Pooling\/config\.json/)
        }
        expect(yield* failure(made(pooled(old, ["LayerNorm"])))).toMatch(/^ModelUnsuitable: .*module LayerNorm/)
        expect(yield* failure(made(pooled(old, [], "manhattan")))).toMatch(/^ModelUnsuitable: .*«manhattan»/)
      }),
    ),
  )
})
