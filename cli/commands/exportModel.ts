import { statSync } from "node:fs"
import { join } from "node:path"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import { Kinds } from "../../schemas/index.ts"
import { publishModel } from "../../stages/model/index.ts"
import { formatBytes } from "../Quantity.ts"
import { writeOut } from "../Terminal.ts"
import { layerToldStore } from "../ToldStore.ts"
import { copyOfSystem } from "./copyOfSystem.ts"
import { artifactsOption } from "./options.ts"

const options = {
  system: Options.text("system").pipe(Options.withDescription("The system's name in the table")),
  to: Options.text("to").pipe(Options.withDescription("The folder to write into; made if it is not there")),
  force: Options.boolean("force").pipe(
    Options.withDescription("Write although the folder is not empty; files of the same names are replaced"),
  ),
  artifacts: artifactsOption,
}

const listed = (to: string, files: ReadonlyArray<{ readonly path: string; readonly bytes: number }>): string =>
  files.map(({ path, bytes }) => `${join(to, path)}  ${formatBytes(bytes)}\n`).join("")

/** `export model`: a system's model, as `transformers`, `transformers.js`, onnxruntime and a later run read it. */
export const exportModelCommand = Command.make("model", options, ({ system, to, force, artifacts }) =>
  Effect.gen(function* () {
    const { files, from } = yield* copyOfSystem(Kinds.Model, "model", system, to, force)
    const published = yield* publishModel(from, to)
    const made = published.map((path) => ({ path, bytes: statSync(join(to, path)).size }))
    yield* writeOut(listed(to, [...files, ...made]))
  }).pipe(Effect.provide(layerToldStore(artifacts))),
).pipe(Command.withDescription("Writes a system's model: graph, weights, tokenizer, configuration and card"))

/** `export adapter`: what was trained beside a model, as `peft` and a later run read it. */
export const exportAdapterCommand = Command.make("adapter", options, ({ system, to, force, artifacts }) =>
  Effect.gen(function* () {
    const { files } = yield* copyOfSystem(Kinds.Adapter, "adapter", system, to, force)
    yield* writeOut(listed(to, files))
  }).pipe(Effect.provide(layerToldStore(artifacts))),
).pipe(Command.withDescription("Writes what a system was trained beside its model (LoRA), in peft's layout"))
