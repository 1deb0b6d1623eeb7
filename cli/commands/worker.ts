import { hostname } from "node:os"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { readLabels, setUpPostgres, workOnPostgres } from "../../pipeline/index.ts"
import { UsageError } from "../Arguments.ts"
import { environment } from "../Environment.ts"
import { isPostgres, taskProgram } from "../executors.ts"
import { storeWords } from "../storePlace.ts"
import { writeError } from "../Terminal.ts"
import { layerToldStore } from "../ToldStore.ts"
import { artifactsOption } from "./options.ts"

/** `worker`: makes what runs elsewhere ask a database for, until it is ended. */
export const workerCommand = Command.make(
  "worker",
  {
    executor: Options.text("executor").pipe(Options.withDescription("The runs' own: postgres://user@host/database")),
    artifacts: artifactsOption,
    labels: Options.text("labels").pipe(
      Options.withDefault(""),
      Options.withDescription("What this machine has, with commas between: gpu,mem=80 (gigabytes)"),
    ),
    setUp: Options.text("set-up").pipe(
      Options.optional,
      Options.withDescription("Only make the tables, once, and let this role use them, which then need not make any"),
    ),
  },
  ({ artifacts, executor, labels, setUp }) =>
    Effect.gen(function* () {
      if (!isPostgres(executor)) {
        const problem = `--executor ${executor}: a worker takes tasks from postgres://user@host/database.`
        return yield* new UsageError({ argument: "--executor", problem })
      }
      if (Option.isSome(setUp)) {
        yield* setUpPostgres({ address: executor, environment }, setUp.value)
        return yield* writeError(`· the tables are there, and ${setUp.value} may use them\n`)
      }
      const has = yield* Effect.mapError(
        readLabels(labels),
        (problem) => new UsageError({ argument: "--labels", problem: `--labels ${labels}: ${problem}.` }),
      )
      yield* workOnPostgres({
        address: executor,
        environment,
        program: taskProgram(),
        store: storeWords(artifacts),
        labels: has,
        name: `${hostname()} ${process.pid}`,
        say: (line) => Effect.runFork(writeError(`· ${line}\n`)),
      }).pipe(Effect.provide(layerToldStore(artifacts)))
    }),
).pipe(Command.withDescription("Makes results that runs with --executor postgres://… ask for, until it is ended"))
