import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { PgBoss } from "pg-boss"
import { causeText } from "../../schemas/index.ts"

/** The database that tasks are given out by cannot be used. Names no password. */
export class PostgresError extends Schema.TaggedError<PostgresError>()("PostgresError", {
  reason: Schema.Literal("NodeTooOld", "NotInstalled", "Address", "Unreachable"),
  /** As it is told to people: without user information. */
  address: Schema.String,
  detail: Schema.String,
}) {
  override get message(): string {
    switch (this.reason) {
      case "NodeTooOld":
        return `--executor ${this.address} needs Node.js 22.12 or newer, as pg-boss does; this is ${this.detail}. Nothing else does.`
      case "NotInstalled":
        return `--executor ${this.address} needs the package pg-boss, which is not installed: run npm ci with Node.js 22.12 or newer. ${this.detail}`
      case "Address":
        return `--executor ${this.address}: ${this.detail}`
      case "Unreachable":
        return `${this.address} failed: ${this.detail}`
    }
  }
}

/** What a task is: names and hashes alone, so that no code comes from the database. */
export const PostgresTask = Schema.Struct({
  key: Schema.String.pipe(Schema.pattern(/^[0-9a-f]{64}$/)),
  plan: Schema.String.pipe(Schema.pattern(/^[0-9a-f]{64}$/)),
  node: Schema.String.pipe(Schema.pattern(/^[\p{L}\p{N}][\p{L}\p{M}\p{N}._@+-]*$/u)),
  forced: Schema.Boolean,
  /** Milliseconds since 1970. */
  askedAt: Schema.Number,
})
export type PostgresTask = typeof PostgresTask.Type

/** What a worker says of a task that its process ended by itself. */
export const PostgresOutcome = Schema.Union(
  Schema.TaggedStruct("Done", { seconds: Schema.Number, found: Schema.Boolean }),
  /** Nothing was done, and it is no attempt: another process holds the key, the worker ended, or its code differs. */
  Schema.TaggedStruct("GivenBack", { why: Schema.String, refused: Schema.Boolean, worker: Schema.String }),
  Schema.TaggedStruct("Failed", { error: Schema.String, message: Schema.String }),
)
export type PostgresOutcome = typeof PostgresOutcome.Type

/** The most that pg-boss allows. A task that takes longer is offered again, and given back while its key is held. */
export const longestSeconds = 24 * 3600 - 1

/** Without a sign of life of the worker for so long, a task is given to another. */
export const heartbeatSeconds = 30

const loopback = /^(?:localhost|127(?:\.\d+){3}|\[?::1\]?|)$/

/** `postgres://db/lab`: what may be told of an address. */
export const toldAddress = (address: string): string => address.replace(/^(\w+:\/\/)[^/@]*@/, "$1").replace(/\?.*$/, "")

const isNewEnough = (): boolean => {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
  return major > 22 || (major === 22 && minor >= 12)
}

/** Asks the database, and says what failed without saying who asked. */
export const asked = <A>(address: string, ask: () => Promise<A>): Effect.Effect<A, PostgresError> =>
  Effect.tryPromise({
    try: ask,
    catch: (cause) =>
      new PostgresError({
        reason: "Unreachable",
        address: toldAddress(address),
        detail: causeText(cause).slice(0, 300),
      }),
  })

/**
 * Opens the queues of a database for as long as the scope lasts.
 *
 * @param owns whether tables are made: whoever gives tasks out does it, a worker's role need not be allowed to
 */
export const openBoss = (address: string, owns: boolean): Effect.Effect<PgBoss, PostgresError, Scope.Scope> =>
  Effect.gen(function* () {
    const told = toldAddress(address)
    if (!isNewEnough()) {
      return yield* new PostgresError({ reason: "NodeTooOld", address: told, detail: process.version })
    }
    const url = yield* Effect.try({
      try: () => new URL(address),
      catch: () =>
        new PostgresError({ reason: "Address", address: told, detail: "it is not postgres://user@host/database" }),
    })
    if (url.password !== "") {
      const detail =
        "a password stands in it, where every process of the machine sees it. Give it in PGPASSWORD or ~/.pgpass"
      return yield* new PostgresError({ reason: "Address", address: told, detail })
    }
    const { PgBoss } = yield* Effect.tryPromise({
      try: () => import("pg-boss"),
      catch: (cause) =>
        new PostgresError({ reason: "NotInstalled", address: told, detail: causeText(cause).split("\n")[0] ?? "" }),
    })
    const boss = new PgBoss({
      connectionString: address,
      ssl:
        loopback.test(url.hostname) || url.searchParams.get("host")?.startsWith("/")
          ? false
          : { rejectUnauthorized: true },
      migrate: owns,
      createSchema: owns,
      supervise: true,
      schedule: false,
      superviseIntervalSeconds: 10,
      monitorIntervalSeconds: 10,
      max: 4,
    })
    // Each question has its own answer; a connection that breaks in between is made again.
    boss.on("error", () => {})
    yield* Effect.acquireRelease(
      Effect.tapError(
        asked(address, () => boss.start()),
        () => Effect.promise(() => boss.stop({ graceful: false, close: true }).catch(() => undefined)),
      ),
      () => Effect.promise(() => boss.stop({ graceful: false, close: true }).catch(() => undefined)),
    )
    return boss
  })

/** Makes queues that are not there. A task that is offered twice is in a queue once. */
export const makeQueues = (address: string, boss: PgBoss, queues: Iterable<string>) =>
  Effect.forEach(
    new Set(queues),
    (queue) =>
      asked(address, async () => {
        if ((await boss.getQueue(queue)) === null) await boss.createQueue(queue, { policy: "exclusive" })
      }),
    { discard: true },
  )
