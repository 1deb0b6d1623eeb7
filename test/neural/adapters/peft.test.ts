import { cpSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { adapterFiles, readAdapter, writeAdapter } from "../../../neural/adapters/index.ts"
import { modelGraph } from "../../../neural/architectures/index.ts"
import { openWeights, requireTensors, writeSafetensors } from "../../../neural/checkpoints/index.ts"
import { LoraSettings } from "../../../schemas/index.ts"
import { amendJson } from "../../support/smallModels.ts"
import { temporaryFolder } from "../../support/storedTable.ts"
import { adapterCase, adapterCases } from "./golden.ts"

const Fields = Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.Unknown }))

const readConfig = (folder: string): Readonly<Record<string, unknown>> =>
  Schema.decodeSync(Fields)(readFileSync(join(folder, adapterFiles.config), "utf8"))

describe("peft's files", () => {
  it.scoped.each(adapterCases.filter((name) => !name.endsWith("patterns")))(
    "N611 %s is written as peft wrote it: the same bytes of weights, and targets that mean the same",
    (name) =>
      Effect.gen(function* () {
        const { adapter, base, description, folder } = yield* adapterCase(name)
        const { tensors } = yield* modelGraph(description)
        const found = yield* requireTensors(yield* openWeights(base), name, tensors, () => true)
        const theirs = readConfig(folder)
        const to = temporaryFolder("written")
        yield* writeAdapter(to, {
          description,
          tensors,
          adapters: adapter.adapters,
          settings: Schema.decodeUnknownSync(LoraSettings)({ rank: 4, alpha: 6, rslora: theirs["use_rslora"] }),
          weights: adapter.weights,
          storedAs: (own) => found.get(own)?.name ?? own,
          base: { name: String(theirs["base_model_name_or_path"]) },
        })
        const bytes = (from: string): string => readFileSync(join(from, adapterFiles.weights)).toString("base64")
        expect(bytes(to)).toBe(bytes(folder))
        const { task_type: task, ...ours } = readConfig(to)
        expect(theirs).toMatchObject(ours)
        expect([task, theirs["task_type"]]).toEqual(
          description.head.kind === "classifier" ? ["SEQ_CLS", "SEQ_CLS"] : ["FEATURE_EXTRACTION", null],
        )
        const again = yield* readAdapter(to, description)
        expect(again.weights).toEqual(adapter.weights)
        expect(again.adapters).toEqual(adapter.adapters)
      }),
  )

  const name = "t5-relu-first-token"
  const changed = Effect.map(adapterCase(name), ({ description, folder }) => {
    const copy = temporaryFolder("changed")
    cpSync(folder, copy, { recursive: true })
    return { copy, description }
  })
  const told = (read: ReturnType<typeof readAdapter>) => Effect.map(Effect.flip(read), ({ message }) => message)

  it.effect.each([
    [{ use_dora: true }, /adapter_config\.json, use_dora: DoRA.*merge_and_unload/],
    [{ peft_type: "ADALORA" }, /peft_type: ADALORA is not built/],
    [{ bias: "all" }, /bias: «all»/],
    [{ lora_bias: true }, /lora_bias: biases of the factors/],
    [{ target_parameters: ["x"] }, /target_parameters/],
    [{ layer_replication: [[0, 1]] }, /layer_replication: layers that are used twice/],
    [{ alora_invocation_tokens: [5] }, /aLoRA/],
    [{ fan_in_fan_out: true }, /fan_in_fan_out/],
    [{ init_lora_weights: "pissa" }, /«pissa» also changes the weights/],
    [{ r: 3 }, /lora_A\.weight is \[4, 24\], and not \[3, 24\]/],
    [{ r: 400 }, /400 is above the size of/],
    [{ target_modules: ["q", "v"] }, /target_modules of the configuration does not name it/],
    [{ target_modules: ["k", "o", "q", "v", "wi", "wo", "shared"] }, undefined],
    [{ r: "many" }, /it is no configuration of peft's/],
  ] as const)(
    "N610 what is not built of peft's, or contradicts its weights, is refused by its field: %j",
    ([change, message]) =>
      Effect.gen(function* () {
        const { copy, description } = yield* changed
        amendJson(join(copy, adapterFiles.config), change)
        const read = readAdapter(copy, description)
        if (message === undefined) expect((yield* read).adapters.weights.length).toBe(18)
        else expect(yield* told(read)).toMatch(message)
      }),
  )

  it.scoped("N610 tensors that the model has not, and factors that are missing, are named", () =>
    Effect.gen(function* () {
      const { copy, description } = yield* changed
      const path = join(copy, adapterFiles.weights)
      const stored = yield* openWeights(path)
      const tensors = yield* Effect.forEach(stored.tensors.values(), ({ name: own, shape }) =>
        Effect.map(stored.floats(own), (floats) => ({ name: own, shape, dtype: "F32" as const, data: () => [floats] })),
      )
      const [first] = tensors
      if (first === undefined) throw new Error("there are tensors")
      yield* writeSafetensors(path, tensors.slice(1))
      expect(yield* told(readAdapter(copy, description))).toMatch(
        /both factors, or one, of encoder\.block\.0\.\S+\.k\.weight are missing/,
      )
      const foreign = { ...first, name: "base_model.model.layers.0.q_proj.lora_A.weight" }
      yield* writeSafetensors(path, [...tensors, foreign])
      expect(yield* told(readAdapter(copy, description))).toMatch(
        /the model has nothing for base_model\.model\.layers\.0/,
      )
      rmSync(join(copy, adapterFiles.config))
      expect(yield* told(readAdapter(copy, description))).toMatch(/adapter_config\.json: .*no such file/)
    }),
  )
})
