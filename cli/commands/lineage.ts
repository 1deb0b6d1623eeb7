import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import { lineage, lineageNodes, renderLineage } from "../../pipeline/index.ts"
import { jsonText, writeOut } from "../Terminal.ts"
import { layerToldStore } from "../ToldStore.ts"
import { artifactsOption } from "./options.ts"

/** `lineage eval`: what a result was made of, down to the files it began with. */
export const lineageCommand = Command.make(
  "lineage",
  {
    of: Args.text({ name: "of" }).pipe(
      Args.withDescription("A target (eval), a node (retrieve.bm25), or the beginning of an artifact's or key's hash"),
    ),
    artifacts: artifactsOption,
    json: Options.boolean("json").pipe(Options.withDescription("Print one JSON document")),
  },
  ({ of, artifacts, json }) =>
    Effect.gen(function* () {
      const found = yield* Effect.forEach(yield* lineageNodes(of), lineage)
      yield* writeOut(
        json
          ? `${jsonText(found.length === 1 ? found[0] : found, 2)}\n`
          : `${found.map(renderLineage).join("\n").trimEnd()}\n`,
      )
    }).pipe(Effect.provide(layerToldStore(artifacts))),
).pipe(Command.withDescription("Says what a result was made of: inputs, code, configuration, versions, when and where"))
