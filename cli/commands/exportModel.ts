import { existsSync, readdirSync, statSync } from "node:fs"
import { chmod, copyFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ArtifactStore, newestRun, type RunRecord } from "../../pipeline/index.ts"
import { causeText, Kinds, makeFolders } from "../../schemas/index.ts"
import { publishModel } from "../../stages/model/index.ts"
import { NotInLastRun } from "../LastRun.ts"
import { formatBytes } from "../Quantity.ts"
import { writeOut } from "../Terminal.ts"
import { layerToldStore } from "../ToldStore.ts"
import { artifactsOption } from "./options.ts"

/** A model cannot be written where it should be, or is not whole where it comes from. */
export class ModelNotExported extends Schema.TaggedError<ModelNotExported>()("ModelNotExported", {
  system: Schema.String,
  problem: Schema.String,
  remedy: Schema.String,
}) {
  override get message(): string {
    return `The model of ${this.system} is not exported: ${this.problem}. ${this.remedy}`
  }
}

/** The model of a system, as the nodes `model.<system>`, `model.hub.<system>` and `train.<system>` have it. */
interface StoredModel {
  readonly system: string
  readonly stage: string
  readonly key: string
  readonly output: string
}

const modelsOf = (record: RunRecord): ReadonlyArray<StoredModel> =>
  record.nodes.flatMap(({ key, name, outputs, stage }) =>
    stage === undefined || key === undefined
      ? []
      : Object.entries(outputs)
          .filter(([, { kind }]) => kind === Kinds.Model.name)
          .map(([output]) => ({ system: name.slice(stage.length + 1), stage, key, output })),
  )

/** The model behind a system of the table: its own, or that of a system mixed with a first stage's, `minilm+bm25`. */
const modelNamed = (system: string, models: ReadonlyArray<StoredModel>): StoredModel | undefined =>
  models.find((model) => model.system === system) ??
  models.find((model) => model.system === system.slice(0, Math.max(0, system.lastIndexOf("+"))))

const write = (system: string, folder: string, body: () => Promise<void>) =>
  Effect.tryPromise({
    try: body,
    catch: (cause) =>
      new ModelNotExported({
        system,
        problem: causeText(cause),
        remedy: `Name another folder than ${folder} with --to.`,
      }),
  })

/** `export model`: a system's model, as `transformers`, `transformers.js`, onnxruntime and a later run read it. */
export const exportModelCommand = Command.make(
  "model",
  {
    system: Options.text("system").pipe(Options.withDescription("The system's name in the table")),
    to: Options.text("to").pipe(Options.withDescription("The folder to write into; made if it is not there")),
    force: Options.boolean("force").pipe(
      Options.withDescription("Write although the folder is not empty; files of the same names are replaced"),
    ),
    artifacts: artifactsOption,
  },
  ({ system, to, force, artifacts }) =>
    Effect.gen(function* () {
      const store = yield* ArtifactStore
      const latest = yield* newestRun()
      const models = latest === undefined ? [] : modelsOf(latest)
      const model = modelNamed(system, models)
      if (model === undefined) {
        const known = models.map((each) => each.system)
        return yield* new NotInLastRun({ what: "model of a system", asked: system, known })
      }
      const found = yield* store.lookup(model.stage, model.key, "bytes")
      const record = found._tag === "Found" ? found.manifest.outputs[model.output] : undefined
      if (record === undefined) {
        const problem = found._tag === "Damaged" ? "its stored files are damaged" : "it is no longer in the store"
        return yield* new ModelNotExported({ system, problem, remedy: "Run the experiment again; it is then remade." })
      }
      if (existsSync(to) && readdirSync(to).length > 0 && !force) {
        const remedy = "Name another folder with --to, or replace its files with --force."
        return yield* new ModelNotExported({ system, problem: `the folder ${to} is not empty`, remedy })
      }
      for (const { path } of record.files) {
        const copy = join(to, path)
        yield* write(system, to, async () => {
          makeFolders(dirname(copy))
          await copyFile(join(store.objectPath(record.hash), path), copy)
          // The store's own files are read-only.
          await chmod(copy, 0o644)
        })
      }
      const published = yield* publishModel(store.objectPath(record.hash), to)
      const listed = published.map((path) => ({ path, bytes: statSync(join(to, path)).size }))
      const lines = [...record.files, ...listed].map(({ path, bytes }) => `${join(to, path)}  ${formatBytes(bytes)}\n`)
      yield* writeOut(lines.join(""))
    }).pipe(Effect.provide(layerToldStore(artifacts))),
).pipe(Command.withDescription("Writes a system's model: graph, weights, tokenizer, configuration and card"))
