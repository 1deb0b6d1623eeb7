import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { collectGarbage, type GcReport, layerDuckDb } from "../../pipeline/index.ts"
import { forgetScores } from "../CatalogFile.ts"
import { formatBytes } from "../Quantity.ts"
import { quantityOf } from "../quantityOf.ts"
import { writeOut } from "../Terminal.ts"
import { layerToldStore } from "../ToldStore.ts"
import { artifactsOption } from "./options.ts"

/** What a collection did, line by line. */
export const renderGcReport = (report: GcReport): string => {
  const verb = report.dryRun ? "would be removed" : "removed"
  const counted = (count: number, one: string, many = `${one}s`) => `${count} ${count === 1 ? one : many}`
  return [
    ...report.stages.map(
      ({ stage, results, bytes }) => `${stage}: ${counted(results, "result")}, ${formatBytes(bytes)} ${verb}`,
    ),
    ...(report.orphans.objects === 0
      ? []
      : [`no result's: ${counted(report.orphans.objects, "object")}, ${formatBytes(report.orphans.bytes)} ${verb}`]),
    ...(report.leftovers.items === 0
      ? []
      : [`left over: ${counted(report.leftovers.items, "item")}, ${formatBytes(report.leftovers.bytes)} ${verb}`]),
    `${formatBytes(report.freedBytes)} ${verb}, ${formatBytes(report.keptBytes)} kept for ${counted(report.keptRuns.length, "run")}`,
  ].join("\n")
}

/** `gc`: removes what no kept run needs. */
export const gcCommand = Command.make(
  "gc",
  {
    artifacts: artifactsOption,
    dryRun: Options.boolean("dry-run").pipe(Options.withDescription("Only say what would be removed")),
    keepLast: Options.integer("keep-last").pipe(
      Options.optional,
      Options.withDescription("Keep what the last so many runs used; 10 unless another limit is given"),
    ),
    maxAge: Options.text("max-age").pipe(
      Options.optional,
      Options.withDescription("Of those, keep the runs younger than this: 12h, 30d"),
    ),
    maxSize: Options.text("max-size").pipe(
      Options.optional,
      Options.withDescription("Of those, keep the newest that fit in this: 500MB, 20GB"),
    ),
  },
  ({ artifacts, dryRun, keepLast, maxAge, maxSize }) =>
    Effect.gen(function* () {
      const maxAgeSeconds = yield* Effect.transposeMapOption(maxAge, (text) => quantityOf("--max-age", text, "time"))
      const maxBytes = yield* Effect.transposeMapOption(maxSize, (text) => quantityOf("--max-size", text, "size"))
      const report = yield* collectGarbage({
        dryRun,
        ...Option.match(keepLast, { onNone: () => ({}), onSome: (keepLast) => ({ keepLast }) }),
        ...Option.match(maxAgeSeconds, { onNone: () => ({}), onSome: (maxAgeSeconds) => ({ maxAgeSeconds }) }),
        ...Option.match(maxBytes, { onNone: () => ({}), onSome: (maxBytes) => ({ maxBytes }) }),
      })
      if (report.stages.some(({ stage }) => stage === "evaluate") && !dryRun) yield* forgetScores
      const { remote } = artifacts
      const local = remote === undefined ? "" : `of ${artifacts.directory} alone; ${remote.address} is left as it is\n`
      yield* writeOut(`${renderGcReport(report)}\n${local}`)
    }).pipe(Effect.provide(Layer.merge(layerToldStore(artifacts.directory), layerDuckDb()))),
).pipe(Command.withDescription("Removes results that no kept run needs; never what the last run made"))
