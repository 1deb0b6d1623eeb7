import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { PgBoss } from "pg-boss"
import { causeText } from "../../schemas/index.ts"
import { mostAttempts } from "./inChildren.ts"
import { postgresConnection, toldAddress } from "./PostgresAddress.ts"
import { TaskMessage } from "./TaskMessage.ts"

/** The database that tasks are given out by cannot be used. Names no password. */
export class PostgresError extends Schema.TaggedError<PostgresError>()("PostgresError", {
  /** `Away`: it may be there again in a moment. */
  reason: Schema.Literal("NodeTooOld", "NotInstalled", "Address", "Unreachable", "Away"),
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
      case "Away":
        return `${this.address} failed: ${this.detail}`
    }
  }
}

/** A run that left: when a task is made, its worker gives out what follows of the plan. */
export const PostgresLeft = Schema.Struct({
  plan: Schema.String.pipe(Schema.pattern(/^[0-9a-f]{64}$/)),
  /** In which each key is offered once, so that what failed is not tried again and again. */
  run: Schema.String.pipe(Schema.pattern(/^[0-9A-Za-z-]+$/)),
})
export type PostgresLeft = typeof PostgresLeft.Type

/** What a task is: names and hashes alone, so that no code comes from the database. */
export const PostgresTask = Schema.Struct({
  key: Schema.String.pipe(Schema.pattern(/^[0-9a-f]{64}$/)),
  plan: Schema.String.pipe(Schema.pattern(/^[0-9a-f]{64}$/)),
  node: Schema.String.pipe(Schema.pattern(/^[\p{L}\p{N}][\p{L}\p{M}\p{N}._@+-]*$/u)),
  forced: Schema.Boolean,
  /** Milliseconds since 1970. */
  askedAt: Schema.Number,
  /** How many processes have died of it before it was offered. */
  died: Schema.Int,
  /** Runs that left, and go on when it is made. */
  left: Schema.optionalWith(Schema.Array(PostgresLeft), { exact: true }),
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

/** What a worker tells of a task while it is at work: a notification, which nobody need hear. */
export const PostgresNews = Schema.parseJson(
  Schema.Struct({ key: Schema.String, worker: Schema.String, message: TaskMessage }),
)
export type PostgresNews = typeof PostgresNews.Type

/** The channel of what workers tell. */
export const newsChannel = "rankdag"

/** What a notification may hold, bytes. */
export const mostNews = 7999

/** The most that pg-boss allows. A task that takes longer is offered again, and given back while its key is held. */
export const longestSeconds = 24 * 3600 - 1

/** Without a sign of life of the worker for so long, a task is given to another. */
export const heartbeatSeconds = 30

const isNewEnough = (): boolean => {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
  return major > 22 || (major === 22 && minor >= 12)
}

/** Where tasks are given out. */
export interface PostgresPlace {
  /** `postgres://user@host/database`. */
  readonly address: string
  /** The process's variables: `PGHOST` and the like, which pg reads. */
  readonly environment: Readonly<Record<string, string | undefined>>
}

const awayCodes = /^(?:ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|57P0[1-3]|08\d\d\d)$/

/** Whether a connection was refused or broke, or the server is ending or not ready yet. */
const isAway = (cause: unknown): boolean =>
  (Predicate.hasProperty(cause, "code") && typeof cause.code === "string" && awayCodes.test(cause.code)) ||
  (cause instanceof Error && /Connection terminated|timeout exceeded when trying to connect/.test(cause.message))

/** Asks the database, and says what failed without saying who asked. */
export const asked = <A>(address: string, ask: () => Promise<A>): Effect.Effect<A, PostgresError> =>
  Effect.tryPromise({
    try: ask,
    catch: (cause) =>
      new PostgresError({
        reason: isAway(cause) ? "Away" : "Unreachable",
        address: toldAddress(address),
        detail: causeText(cause).slice(0, 300),
      }),
  })

/**
 * Opens the queues of a database for as long as the scope lasts.
 *
 * @param owns whether tables are made that are not there; where they are, no role need be allowed to make any
 */
export const openBoss = (
  { address, environment }: PostgresPlace,
  owns: boolean,
): Effect.Effect<PgBoss, PostgresError, Scope.Scope> =>
  Effect.gen(function* () {
    const told = toldAddress(address)
    const { connectionString, ssl } = yield* Either.mapLeft(
      postgresConnection(address, environment),
      (detail) => new PostgresError({ reason: "Address", address: told, detail }),
    )
    if (!isNewEnough()) {
      return yield* new PostgresError({ reason: "NodeTooOld", address: told, detail: process.version })
    }
    const { PgBoss } = yield* Effect.tryPromise({
      try: () => import("pg-boss"),
      catch: (cause) =>
        new PostgresError({ reason: "NotInstalled", address: told, detail: causeText(cause).split("\n")[0] ?? "" }),
    })
    const boss = new PgBoss({
      connectionString,
      ssl,
      migrate: owns,
      createSchema: owns,
      supervise: true,
      schedule: false,
      // Whoever is there looks for workers that are gone.
      superviseIntervalSeconds: 5,
      monitorIntervalSeconds: 5,
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

/** A task as it is offered. */
export const jobOf = (task: PostgresTask) => ({
  data: task,
  singletonKey: task.key,
  retryLimit: Math.max(0, mostAttempts - 1 - task.died),
  retryDelay: 0,
  expireInSeconds: longestSeconds,
  heartbeatSeconds,
})

/** What became of an offered task. */
export interface PostgresJob {
  readonly id: string
  readonly key: string
  /** `created`, `retry`, `active`, `completed`, `cancelled`, `failed`. */
  readonly state: string
  /** How often it was lost. */
  readonly lost: number
  readonly output: unknown
}

const JobRow = Schema.Struct({
  id: Schema.String,
  key: Schema.String,
  state: Schema.String,
  lost: Schema.Number,
  output: Schema.Unknown,
})
const decodeRows = Schema.decodeUnknownPromise(Schema.Array(JobRow))

const rows = async (
  boss: PgBoss,
  where: string,
  values: ReadonlyArray<unknown>,
): Promise<ReadonlyArray<PostgresJob>> => {
  const select = "SELECT id, singleton_key AS key, state::text AS state, retry_count AS lost, output FROM pgboss.job"
  const found = await boss.getDb().executeSql(`${select} WHERE ${where}`, [...values])
  return decodeRows(found.rows)
}

/**
 * What became of tasks, all asked about at once: pg-boss looks for one at a time.
 *
 * @param waiting whether those that nobody has taken yet are told too
 */
export const jobsOf = (
  boss: PgBoss,
  queues: ReadonlyArray<string>,
  ids: ReadonlyArray<string>,
  waiting: boolean,
): Promise<ReadonlyArray<PostgresJob>> =>
  rows(boss, "name = ANY($1) AND id = ANY($2::uuid[]) AND (state <> 'created' OR $3)", [queues, ids, waiting])

/** Tasks with some keys that wait for a worker or have one. */
export const livingJobs = (
  boss: PgBoss,
  queue: string,
  keys: ReadonlyArray<string>,
): Promise<ReadonlyArray<PostgresJob>> =>
  rows(boss, "name = $1 AND singleton_key = ANY($2) AND state < 'completed'", [queue, keys])

const LeftRows = Schema.Array(Schema.Struct({ left: Schema.NullOr(Schema.Array(PostgresLeft)) }))
const decodeLeft = Schema.decodeUnknownPromise(LeftRows)

/** The runs that left and wait for a task, also those that came to it after it was taken. */
export const leftBy = async (boss: PgBoss, queue: string, id: string): Promise<ReadonlyArray<PostgresLeft>> => {
  const select = "SELECT data->'left' AS left FROM pgboss.job WHERE name = $1 AND id = $2"
  const [row] = await decodeLeft((await boss.getDb().executeSql(select, [queue, id])).rows)
  return row?.left ?? []
}

/** Has what follows of a run that leaves given out when these tasks are made, which somebody may have offered before. */
export const leaveTo = async (boss: PgBoss, queue: string, ids: ReadonlyArray<string>, left: PostgresLeft) => {
  const update =
    "UPDATE pgboss.job SET data = jsonb_set(data, '{left}', COALESCE(data->'left', '[]') || jsonb_build_array($3::jsonb)) " +
    "WHERE name = $1 AND id = ANY($2::uuid[]) AND state < 'completed' " +
    "AND NOT COALESCE(data->'left', '[]') @> jsonb_build_array(jsonb_build_object('plan', $3::jsonb->'plan'))"
  await boss.getDb().executeSql(update, [queue, [...ids], JSON.stringify(left)])
}

const KeyRows = Schema.Array(Schema.Struct({ key: Schema.String }))
const decodeKeys = Schema.decodeUnknownPromise(KeyRows)

/** Those of some keys that were offered in a run that left, whatever became of them. */
export const offeredIn = async (
  boss: PgBoss,
  run: string,
  keys: ReadonlyArray<string>,
): Promise<ReadonlySet<string>> => {
  const select =
    "SELECT DISTINCT singleton_key AS key FROM pgboss.job " +
    "WHERE singleton_key = ANY($1) AND data->'left' @> jsonb_build_array(jsonb_build_object('run', $2::text))"
  const found = await decodeKeys((await boss.getDb().executeSql(select, [[...keys], run])).rows)
  return new Set(found.map(({ key }) => key))
}

/** Whether there is something among what is ready that was not offered yet in a run that left. */
export const hasNew = (
  place: PostgresPlace,
  run: string,
  keys: ReadonlyArray<string>,
): Effect.Effect<boolean, PostgresError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const boss = yield* openBoss(place, false)
      const offered = yield* asked(place.address, () => offeredIn(boss, run, keys))
      return keys.some((key) => !offered.has(key))
    }),
  )

/** Makes tables and queues, and lets a role work with them and make none: what an administrator does once. */
export const setUpPostgres = (place: PostgresPlace, role: string): Effect.Effect<void, PostgresError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const boss = yield* openBoss(place, true)
      const name = `"${role.replaceAll('"', '""')}"`
      yield* asked(place.address, () =>
        boss
          .getDb()
          .executeSql(
            `GRANT USAGE ON SCHEMA pgboss TO ${name}; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA pgboss TO ${name}; GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA pgboss TO ${name}`,
          ),
      )
    }),
  )
