import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { causeText } from "../../schemas/index.ts"

/** DuckDB refused a statement or could not be loaded. */
export class DuckDbError extends Schema.TaggedError<DuckDbError>()("DuckDbError", {
  /** The first words of the SQL, or what was being done. */
  during: Schema.String,
  cause: Schema.Defect,
}) {
  override get message(): string {
    return `DuckDB failed during «${this.during}»: ${causeText(this.cause)}`
  }
}

/**
 * DuckDB, in memory, for reading and writing Parquet and for SQL over it. The native library is loaded by the first use,
 * and a process has one instance: connections share its memory limit and its threads.
 */
export class DuckDb extends Context.Tag("rankdag/DuckDb")<
  DuckDb,
  {
    /** A connection of the scope's own, closed with it. Temporary tables belong to it alone. */
    readonly connect: Effect.Effect<DuckDBConnection, DuckDbError, Scope.Scope>
    /** The version of the loaded library: `v1.5.6`. */
    readonly version: Effect.Effect<string, DuckDbError>
  }
>() {}

export interface DuckDbOptions {
  /** Worker threads of the instance. Default 2. */
  readonly threads?: number
  /** For example `4GB`. Default 6 GB. */
  readonly memoryLimit?: string
  /** Folder for spilling. Default none: in memory only. */
  readonly temporaryDirectory?: string
}

/** Wraps a promise of DuckDB's client. An interruption stops what runs, by `stop`, and waits until the client is done. */
const clientPromise = <A>(
  during: string,
  evaluate: () => Promise<A>,
  stop: () => void,
): Effect.Effect<A, DuckDbError> =>
  Effect.async((resume) => {
    const running = evaluate()
    const ended = running.then(
      (value) => resume(Effect.succeed(value)),
      (cause: unknown) => resume(Effect.fail(new DuckDbError({ during: during.slice(0, 200), cause }))),
    )
    return Effect.promise(() => {
      stop()
      // A statement that has not begun when it is told to stop does not hear it.
      const again = setInterval(stop, stopMilliseconds)
      return ended.finally(() => clearInterval(again))
    })
  })

const stopMilliseconds = 20

/**
 * Runs something on a connection. An interruption stops the statement under way and waits until the client is done: a connection
 * that is closed while one of its statements runs deadlocks the library.
 */
export const duckDbPromise = <A>(
  connection: DuckDBConnection,
  during: string,
  evaluate: () => Promise<A>,
): Effect.Effect<A, DuckDbError> => clientPromise(during, evaluate, () => connection.interrupt())

/** Loads, opens: what nothing can stop, and what does not take long. */
const opening = <A>(during: string, evaluate: () => Promise<A>) => clientPromise(during, evaluate, () => {})

/** The live service. */
export const layerDuckDb = (options: DuckDbOptions = {}): Layer.Layer<DuckDb> =>
  Layer.scoped(
    DuckDb,
    Effect.gen(function* () {
      let instance: DuckDBInstance | undefined
      yield* Effect.addFinalizer(() => Effect.sync(() => instance?.closeSync()))
      const open = yield* Effect.cached(
        opening("loading the native library", async () => {
          const { DuckDBInstance } = await import("@duckdb/node-api")
          instance = await DuckDBInstance.create(":memory:", {
            threads: String(options.threads ?? 2),
            memory_limit: options.memoryLimit ?? "6GB",
            preserve_insertion_order: "true",
            autoinstall_known_extensions: "false",
            ...(options.temporaryDirectory === undefined ? {} : { temp_directory: options.temporaryDirectory }),
          })
          return instance
        }),
      )
      return {
        connect: Effect.acquireRelease(
          Effect.flatMap(open, (database) => opening("connecting", () => database.connect())),
          (connection) => Effect.sync(() => connection.closeSync()),
        ),
        version: Effect.flatMap(open, () =>
          opening("loading the native library", async () => (await import("@duckdb/node-api")).version()),
        ),
      }
    }),
  )
