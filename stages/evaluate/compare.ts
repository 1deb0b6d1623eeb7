import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { combineSummaries } from "../../measures/index.ts"
import {
  DuckDb,
  type DuckDbError,
  type StageContext,
  type StageResult,
  sqlString,
  tableSource,
  tableWriter,
} from "../../pipeline/index.ts"
import { didYouMean, EvaluationSummary, isShown, Kinds, SignificanceSummary } from "../../schemas/index.ts"
import { compareSystems } from "./compareSystems.ts"
import type { CompareConfig, compareInputs, compareOutputs } from "./contract.ts"
import { type EvaluateError, SummaryNotWritten } from "./EvaluateError.ts"
import { ofSystems, readScoreTables } from "./ScoreTable.ts"
import { standings } from "./standings.ts"

type Context = StageContext<CompareConfig, typeof compareInputs, typeof compareOutputs>

const decodeEvaluation = Schema.decodeUnknownSync(Schema.parseJson(EvaluationSummary))

/** What was swept, and chosen on dev: of one collection, or of all together. */
const sweepsOf = ({ config, inputs }: Context) =>
  Effect.map(
    Effect.forEach(inputs.swept, ({ path }) =>
      Effect.promise(() => readFile(join(path, "summary.json"), "utf8")).pipe(Effect.map(decodeEvaluation)),
    ),
    ([only, ...others]) => {
      if (only === undefined) return []
      return (others.length === 0 ? only : combineSummaries([only, ...others], config.weighting)).sweeps
    },
  )

const encodeSummary = Schema.encodeSync(SignificanceSummary)

const compared = (
  context: Context,
): Effect.Effect<StageResult<typeof compareOutputs>, DuckDbError | EvaluateError, DuckDb | Scope.Scope> =>
  Effect.gen(function* () {
    const { config, inputs, outputs } = context
    const connection = yield* (yield* DuckDb).connect
    const parts = inputs.scores.map(
      (scores, position) =>
        `SELECT ${sqlString(config.datasets[position] ?? "")} AS dataset, * FROM ${tableSource(scores)}`,
    )
    const tables = yield* readScoreTables(connection, `(${parts.join(" UNION ALL ")})`)

    const known = new Set(tables.flatMap(({ systems }) => systems))
    for (const baseline of config.baselines) {
      if (!known.has(baseline)) {
        context.warn(`there is no system «${baseline}» to compare with.${didYouMean(baseline, known)}`)
      }
    }
    const rows = tables.flatMap((table) => compareSystems(table, { ...config, pairs: "baselines" }))
    const writer = yield* tableWriter(Kinds.Comparisons, outputs.comparisons)
    yield* writer.writeRows(rows)
    const written = yield* writer.finish

    const [test] = config.tests
    const sweeps = yield* sweepsOf(context)
    const summary: SignificanceSummary = {
      test,
      correction: config.correction,
      family: config.family,
      alpha: config.alpha,
      baselines: config.baselines.filter((baseline) => known.has(baseline)),
      rows: Schema.decodeUnknownSync(SignificanceSummary.fields.rows)(rows.filter((row) => row.test === test)),
      // Who is first is said of what was chosen on dev: the best of a sweep on test would be chosen on test.
      standings: tables.flatMap((table) =>
        standings(
          ofSystems(table, (system) => isShown(sweeps, table.split, system)),
          config,
        ),
      ),
    }
    const file = join(outputs.significance, "significance.json")
    yield* Effect.tryPromise({
      try: () => writeFile(file, `${JSON.stringify(encodeSummary(summary), null, 1)}\n`),
      catch: (cause) => new SummaryNotWritten({ file, cause }),
    })
    return { rows: { comparisons: written } }
  })

/** Compares the systems of one collection, or of several together, with the baselines; see `docs/SPEC.md`, E. */
export const run = (context: Context) => Effect.scoped(compared(context))
