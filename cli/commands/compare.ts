import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { combineSummaries, describeMeasureError, measureName, parseMeasures } from "../../measures/index.ts"
import { layerArtifactStore, layerDuckDb, sqlString } from "../../pipeline/index.ts"
import {
  Correction,
  choiceNotes,
  didYouMean,
  isShown,
  QueryKind,
  Split,
  StatisticalTest,
  StatisticsConfig,
  Weighting,
} from "../../schemas/index.ts"
import {
  type Comparison,
  type ComparisonOptions,
  compareSystems,
  ofSystems,
  readScoreTables,
  type ScoreTable,
  standings,
} from "../../stages/evaluate/index.ts"
import { UsageError } from "../Arguments.ts"
import { openCatalog } from "../Catalog.ts"
import { comparisonGrid } from "../ComparisonTable.ts"
import { lastStatistics, lastSummaries } from "../LastRun.ts"
import { querySql } from "../SqlResult.ts"
import { jsonText, tableWidth, writeOut } from "../Terminal.ts"
import { gridFormats, renderGrid } from "../TextGrid.ts"
import { artifactsOption } from "./options.ts"

const options = {
  baseline: Options.text("baseline").pipe(
    Options.repeated,
    Options.withDescription("What every other system is compared with; repeatable"),
  ),
  allPairs: Options.boolean("all-pairs").pipe(
    Options.withDescription("Compare all pairs of systems, by Tukey's test where --test does not say otherwise"),
  ),
  measure: Options.text("measure").pipe(
    Options.repeated,
    Options.withDescription("A measure of the last run; repeatable. Default all"),
  ),
  kind: Options.choice("kind", ["all", ...QueryKind.literals]).pipe(
    Options.repeated,
    Options.withDescription("Which queries; repeatable. Default all together and each kind"),
  ),
  split: Options.choice("split", Split.literals).pipe(
    Options.withDefault("test" as const),
    Options.withDescription("Whose queries. Default test"),
  ),
  dataset: Options.text("dataset").pipe(
    Options.repeated,
    Options.withDescription("A collection of the last run; repeatable. Default all, and all together"),
  ),
  test: Options.choice("test", StatisticalTest.literals).pipe(
    Options.repeated,
    Options.withDescription("Tests, the first of which marks; repeatable"),
  ),
  correction: Options.choice("correction", Correction.literals).pipe(
    Options.optional,
    Options.withDescription("For several comparisons at once"),
  ),
  weighting: Options.choice("weighting", Weighting.literals).pipe(
    Options.optional,
    Options.withDescription("Several collections together: each query weighs the same, or each collection"),
  ),
  interval: Options.choice("interval", ["student", "percentile", "bca"]).pipe(
    Options.optional,
    Options.withDescription("The interval of the mean difference: Student's, or a bootstrap's"),
  ),
  permutations: Options.integer("permutations").pipe(
    Options.optional,
    Options.withDescription("Random permutations of Fisher's and Tukey's tests"),
  ),
  seed: Options.integer("seed").pipe(Options.optional, Options.withDescription("Seed of permutations and resamples")),
  format: Options.choice("format", [...gridFormats, "json"]).pipe(
    Options.withDefault("table" as const),
    Options.withDescription("How the comparisons are printed"),
  ),
  artifacts: artifactsOption,
}

/** Names that were asked for and what there is; the first that is not there is an error with the nearest. */
const checkNames = (
  what: string,
  option: string,
  asked: ReadonlyArray<string>,
  known: ReadonlyArray<string>,
): Effect.Effect<void, UsageError> => {
  const unknown = asked.find((name) => !known.includes(name))
  if (unknown === undefined) return Effect.void
  const there = known.length === 0 ? "there is none" : `there are ${known.join(", ")}`
  return new UsageError({
    argument: `${option} ${unknown}`,
    problem: `No ${what} «${unknown}» in the last run; ${there}.${didYouMean(unknown, known)}`,
  })
}

/** Canonical names of measures. */
const canonicalMeasures = (texts: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<string>, UsageError> =>
  Effect.map(
    Effect.forEach(texts, (text) => {
      const parsed = parseMeasures(text)
      if (parsed.ok) return Effect.succeed(parsed.value.map(measureName))
      // One that is unknown here may have come from outside: whether the table has it is seen then.
      return parsed.error._tag === "UnknownMeasure"
        ? Effect.succeed([text])
        : new UsageError({ argument: `--measure ${text}`, problem: `${describeMeasureError(parsed.error)}.` })
    }),
    (names) => names.flat(),
  )

interface Compared {
  readonly dataset: string
  readonly table: ScoreTable
  readonly several: boolean
}

const parseOptions = Schema.decodeUnknown(StatisticsConfig)

/** `compare`: tests of the last run's systems, for any baselines; what is left open is as in the run's own table. */
export const compareCommand = Command.make("compare", options, (given) =>
  Effect.gen(function* () {
    const connection = yield* openCatalog(given.artifacts, ["scores", "queries"])
    const answer = yield* querySql(connection, "SELECT DISTINCT dataset FROM scores ORDER BY dataset")
    const known = answer.rows.flatMap(([name]) => (typeof name === "string" ? [name] : []))
    yield* checkNames("collection", "--dataset", given.dataset, known)
    const datasets = given.dataset.length === 0 ? known : known.filter((name) => given.dataset.includes(name))

    const last = yield* lastStatistics(connection)
    const tests: ReadonlyArray<StatisticalTest> =
      given.test.length > 0 ? given.test : given.allPairs ? ["tukey"] : last.tests
    const statistics = yield* Effect.mapError(
      parseOptions({
        ...last,
        ...(given.baseline.length === 0 ? {} : { baselines: given.baseline }),
        tests,
        correction: Option.getOrElse(given.correction, () => last.correction),
        weighting: Option.getOrElse(given.weighting, () => last.weighting),
        interval: Option.getOrElse(given.interval, () => last.interval),
        permutations: Option.getOrElse(given.permutations, () => last.permutations),
        seed: Option.getOrElse(given.seed, () => last.seed),
      }),
      (error) => new UsageError({ argument: "compare", problem: error.message.replaceAll(/\s+/g, " ") }),
    )
    const measures = yield* canonicalMeasures(given.measure)
    const how: ComparisonOptions = {
      ...statistics,
      pairs: given.allPairs ? "all" : "baselines",
      ...(measures.length === 0 ? {} : { measures }),
      ...(given.kind.length === 0 ? {} : { kinds: given.kind }),
    }

    const tablesOf = (names: ReadonlyArray<string>) =>
      Effect.map(
        readScoreTables(
          connection,
          `(SELECT * FROM scores WHERE split = ${sqlString(given.split)} AND dataset IN (${names.map(sqlString).join(", ")}))`,
        ),
        (tables): ReadonlyArray<Compared> =>
          tables.map((table) => ({ dataset: names.join(" + "), table, several: names.length > 1 })),
      )
    const single = yield* Effect.forEach(datasets, (name) => tablesOf([name]))
    const together = datasets.length > 1 ? yield* tablesOf(datasets) : []
    const tables = [...single.flat(), ...together]

    const systems = [...new Set(tables.flatMap(({ table }) => table.systems))]
    if (tables.length === 0) {
      return yield* new UsageError({
        argument: `--split ${given.split}`,
        problem: `The last run has no scores of the split ${given.split}.`,
      })
    }
    if (!given.allPairs) yield* checkNames("system", "--baseline", how.baselines, systems)
    yield* checkNames("measure", "--measure", measures, [...new Set(tables.flatMap(({ table }) => table.measures))])
    if (systems.length === 1) {
      return yield* new UsageError({
        argument: "compare",
        problem: `There is nothing to compare: ${systems.join("")} is the only system of the last run.`,
      })
    }

    const summaries = yield* lastSummaries(connection)
    const sweepsOf = (names: ReadonlyArray<string>) => {
      const [only, ...others] = summaries.flatMap(({ dataset, summary }) => (names.includes(dataset) ? [summary] : []))
      if (only === undefined) return []
      return (others.length === 0 ? only : combineSummaries([only, ...others], how.weighting)).sweeps
    }
    const compared = tables.map(({ dataset, table, several }) => {
      const sweeps = sweepsOf(several ? datasets : [dataset])
      const shown = ofSystems(table, (system) => isShown(sweeps, table.split, system))
      return {
        dataset,
        several,
        sweeps,
        rows: compareSystems(table, how),
        standings: given.format === "json" ? [] : standings(shown, how),
      }
    })
    if (given.format === "json") {
      const rows = compared.flatMap(({ dataset, rows }) =>
        rows.map((row): Comparison & { readonly dataset: string } => ({ dataset, ...row })),
      )
      return yield* writeOut(`${jsonText(rows, 1)}\n`)
    }
    const { format } = given
    const texts = compared.map(({ dataset, several, sweeps, rows, standings }) => {
      if (rows.length === 0) return `${dataset} · ${given.split}: no queries, or no measure that has a mean`
      const grid = comparisonGrid(`${dataset} · ${given.split}`, rows, standings, how, several)
      const notes = [...grid.notes, ...choiceNotes(sweeps, given.split)]
      return renderGrid({ ...grid, notes }, format, tableWidth())
    })
    yield* writeOut(`${texts.join("\n\n")}\n`)
  }).pipe(Effect.scoped, Effect.provide(layerDuckDb()), Effect.provide(layerArtifactStore(given.artifacts))),
).pipe(
  Command.withDescription(
    "Compares the last run's systems with baselines: tests, intervals, effects. What is left open is as in the run's own table",
  ),
)
