import { relative } from "node:path"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { Json, StageError } from "../plan/index.ts"
import { type Executor, type MadeNode, type NodeMaking, reasonOf, storePlan } from "../run/index.ts"
import type { Manifest } from "../store/index.ts"
import { keepHeapSmall } from "./keepHeapSmall.ts"
import { type AskedNeeds, labelsText, needsOf, queueOf } from "./Labels.ts"
import { newResult } from "./newResult.ts"
import {
  asked,
  jobOf,
  jobsOf,
  leaveTo,
  livingJobs,
  makeQueues,
  newsChannel,
  offeredIn,
  openBoss,
  type PostgresError,
  type PostgresJob,
  PostgresNews,
  PostgresOutcome,
  type PostgresPlace,
} from "./PgBoss.ts"
import { type ShownTask, showMessage, showStart } from "./showTask.ts"
import { TaskDied, TaskFailed } from "./TaskError.ts"
import { attemptLog, nameKey } from "./TaskLog.ts"
import { isEnd } from "./TaskMessage.ts"

/** How often what is new is seen to, milliseconds. */
const cycleMilliseconds = 250

/** How often the database is asked what became of tasks, where nothing was told of them. */
const lookMilliseconds = 2000

/** How often also those are looked for that nobody has taken: somebody may have removed them. */
const looksUntilAll = 15

/** Tasks offered at once. */
const mostOffers = 500

/** How long the database may not answer before the run gives up; results in the store count meanwhile. */
const mostSilence = 600_000

/** How long it may be away when the run begins. */
const mostAbsence = 60_000

/** So many keys are looked for in the store at a time while the database does not answer. */
const mostLooks = 50

/** So many workers may refuse a task, for their code, before it has failed. */
const mostRefusals = 3

/** How long nobody need take anything before that is said. */
const lonelyMilliseconds = 60_000

/** How long a lock that is held may be a dead machine's. */
const staleMilliseconds = 60_000

const decodeOutcome = Schema.decodeUnknownEither(PostgresOutcome)
const decodeNews = Schema.decodeUnknownEither(PostgresNews)
const isDeath = Schema.is(Schema.Struct({ how: Schema.String, lines: Schema.Array(Schema.String) }))

interface Waiting extends ShownTask {
  readonly queue: string
  readonly done: Deferred.Deferred<MadeNode, StageError>
  /** Whether a result is what was asked for. */
  readonly isNew: (manifest: Manifest) => boolean
  /** Milliseconds since 1970. */
  readonly askedAt: number
  /** How many processes have died of it, before the job that is under way. */
  died: number
  job: string | undefined
  /** Before this time it is not offered again. */
  notBefore: number
  /** Since when another process is known to hold its key. */
  heldSince: number | undefined
  /** What workers that refused it said, by worker. */
  readonly refusals: Map<string, string>
}

/**
 * Each node by a worker that takes it from a queue of a database, one that has what the node needs. Whether it is made is what the store
 * says.
 *
 * @param leaving where the run gives out what is ready and leaves: workers go on with what follows. `run` is the one that left, where
 * this is a worker that goes on.
 */
export const onPostgres =
  (
    place: PostgresPlace,
    recipe: Json,
    needs: ReadonlyArray<AskedNeeds> = [],
    leaving?: { readonly run?: string },
  ): Executor =>
  (making, plan) =>
    Effect.gen(function* () {
      const { store } = making
      const { address } = place
      keepHeapSmall()
      const hash = yield* storePlan(plan, recipe, making.session)
      const left = leaving === undefined ? undefined : { plan: hash, run: leaving.run ?? making.session.id }
      const openedAt = performance.now()
      let isAwayTold = false
      // A database that begins again at this moment is not one that is not there.
      const boss = yield* openBoss(place, true).pipe(
        Effect.tapError((error) => {
          if (error.reason !== "Away") return Effect.void
          if (!isAwayTold)
            making.emit({ _tag: "StoreNotice", message: `${error.message}; it is asked again for a minute` })
          isAwayTold = true
          return Effect.sleep(1000)
        }),
        Effect.retry({ while: ({ reason }) => reason === "Away" && performance.now() - openedAt < mostAbsence }),
      )
      const kinds = new Map(
        plan.nodes.flatMap(({ node }) => {
          const needed = node._tag === "StageNode" ? needsOf(node, needs) : undefined
          return needed === undefined ? [] : [[queueOf(needed), needed] as const]
        }),
      )
      const queues = [...kinds.keys()]
      yield* makeQueues(address, boss, queues)
      const waiting = new Map<string, Waiting>()
      const failAll = (error: StageError) =>
        Effect.forEach([...waiting.values()], ({ done }) => Deferred.fail(done, error), { discard: true })

      /** Whether something was told that is worth a look. */
      let isToldOf = false
      const hear = (text: string): void => {
        const news = decodeNews(text)
        const each = Either.isRight(news) ? waiting.get(news.right.key) : undefined
        if (Either.isLeft(news) || each === undefined) return
        // What became of it the database and the store know.
        if (isEnd(news.right.message)) isToldOf = true
        else showMessage(making, each, news.right.message)
      }
      // What is told by the way is lost where connections are shared between programs (PgBouncer): then it is seen a little later.
      const database = boss.getDb()
      yield* Effect.acquireRelease(
        Effect.option(asked(address, async () => database.listen?.(newsChannel, hear, () => (isToldOf = true)))),
        (handle) => Effect.promise(async () => (handle._tag === "Some" ? handle.value?.close() : undefined)),
      )

      /** Offers what nobody was offered, or what was given back. */
      const offer = Effect.gen(function* () {
        const now = Date.now()
        for (const queue of queues) {
          const due = [...waiting.values()].filter(
            (each) => each.queue === queue && each.job === undefined && each.notBefore <= now,
          )
          for (let from = 0; from < due.length; from += mostOffers) {
            const offered = due.slice(from, from + mostOffers)
            const jobs = offered.map(({ askedAt, died, task: { forced, key, node } }) =>
              jobOf({
                ...{ key, plan: hash, node: node.name, forced, askedAt, died },
                ...(left === undefined ? {} : { left: [left] }),
              }),
            )
            yield* asked(address, () => boss.insert(queue, jobs))
            // What was offered before, by this run or one that was killed, is not offered twice.
            const living = yield* asked(address, () =>
              livingJobs(
                boss,
                queue,
                offered.map(({ task }) => task.key),
              ),
            )
            const ids = new Map(living.map(({ id, key }) => [key, id]))
            for (const each of offered) each.job = ids.get(each.task.key)
            if (left === undefined) continue
            yield* asked(address, () => leaveTo(boss, queue, [...ids.values()], left))
            for (const { done, job } of offered) if (job !== undefined) yield* Deferred.succeed(done, { _tag: "Left" })
          }
        }
      })

      let lookedAt = Number.NEGATIVE_INFINITY
      let looks = 0
      const look = Effect.gen(function* () {
        yield* offer
        if (!isToldOf && performance.now() - lookedAt < lookMilliseconds) return
        isToldOf = false
        lookedAt = performance.now()
        const byId = new Map(
          [...waiting.values()].flatMap((each) => (each.job === undefined ? [] : [[each.job, each]])),
        )
        if (byId.size === 0) return
        const isWhole = looks++ % looksUntilAll === 0
        const jobs = yield* asked(address, () => jobsOf(boss, queues, [...byId.keys()], isWhole))
        for (const job of jobs) {
          const each = byId.get(job.id)
          byId.delete(job.id)
          if (each !== undefined) yield* settle(making, each, job)
        }
        if (isWhole) for (const each of byId.values()) each.job = undefined
      })

      const told = new Set<string>()
      const sayLonely = (): void => {
        const now = Date.now()
        const lonely = new Set<string>()
        for (const { askedAt, queue, started } of waiting.values()) {
          if (started) told.add(queue)
          else if (now - askedAt >= lonelyMilliseconds) lonely.add(queue)
        }
        for (const queue of lonely) {
          if (told.has(queue)) continue
          told.add(queue)
          const has = labelsText(kinds.get(queue) ?? new Map())
          const which = has === "" ? "" : ` that has ${has}`
          const message = `No worker${which} has taken anything for a minute: is there one (\`worker --executor … --labels …\`)?`
          making.emit({ _tag: "StoreNotice", message })
        }
      }

      let silentSince: number | undefined
      let next = 0
      /** The database is needed to give tasks out, and not to see what became of them. */
      const withoutDatabase = (error: PostgresError) =>
        Effect.gen(function* () {
          silentSince ??= performance.now()
          if (performance.now() - silentSince >= mostSilence) return yield* failAll(error)
          const all = [...waiting.values()]
          for (const each of all.slice(next, next + mostLooks)) {
            const found = yield* resultOf(making, each)
            if (found !== undefined) yield* Deferred.succeed(each.done, { _tag: "Found", ...found })
          }
          next = next + mostLooks < all.length ? next + mostLooks : 0
          yield* Effect.sleep(lookMilliseconds)
        })
      const cycle = look.pipe(
        Effect.tap(() =>
          Effect.sync(() => {
            silentSince = undefined
            sayLonely()
          }),
        ),
        Effect.catchTag("PostgresError", withoutDatabase),
        Effect.catchAll(failAll),
      )
      yield* Effect.forkScoped(Effect.forever(Effect.zipRight(cycle, Effect.sleep(cycleMilliseconds))))

      const isOffered = (run: string, key: string) =>
        Effect.map(
          asked(address, () => offeredIn(boss, run, [key])),
          (offered) => offered.has(key),
        )
      const takeBack = (each: Waiting) =>
        Effect.ignore(
          asked(address, async () => {
            for (const { id } of await livingJobs(boss, each.queue, [each.task.key])) await boss.cancel(each.queue, id)
          }),
        )

      return (task) =>
        Effect.gen(function* () {
          const failed = making.stoppedBy()
          if (failed !== undefined) return { _tag: "Stopped" as const, failed }
          const { key, node } = task
          if (leaving?.run !== undefined && (yield* isOffered(leaving.run, key))) return { _tag: "Left" as const }
          const stored = yield* store.lookup(node.stage.name, key, "sizes")
          yield* nameKey(store.directory, node.name, key)
          const each: Waiting = {
            task,
            queue: queueOf(needsOf(node, needs)),
            done: yield* Deferred.make<MadeNode, StageError>(),
            reason: yield* reasonOf(making, task, stored),
            isNew: newResult(task, stored),
            askedAt: Date.now(),
            died: 0,
            job: undefined,
            started: false,
            notBefore: 0,
            heldSince: undefined,
            refusals: new Map(),
          }
          waiting.set(key, each)
          return yield* Deferred.await(each.done).pipe(
            Effect.onInterrupt(() => takeBack(each)),
            Effect.ensuring(Effect.sync(() => waiting.delete(key))),
          )
        })
    })

/** The result, in the folder or behind it. */
const resultOf = ({ sharing, store }: NodeMaking, { isNew, task: { key, node } }: Waiting) =>
  Effect.gen(function* () {
    const here = yield* store.lookup(node.stage.name, key, "sizes")
    if (here._tag === "Found" && isNew(here.manifest)) return { manifest: here.manifest, isLocal: true }
    const there = yield* sharing.find(node, key, here)
    return there === undefined || !isNew(there) ? undefined : { manifest: there, isLocal: false }
  })

/** Sees to what became of a task: whether it is made is what the store says, whether it is offered again what its job says. */
const settle = (making: NodeMaking, each: Waiting, job: PostgresJob) =>
  Effect.gen(function* () {
    const { emit, session, store } = making
    const { done, task } = each
    const { key, node } = task
    if (["created", "retry"].includes(job.state)) return
    if (job.state === "active") return showStart(making, each)
    const result = yield* resultOf(making, each)
    const outcome = Either.getOrUndefined(decodeOutcome(job.output))
    if (result !== undefined) {
      const { isLocal, manifest } = result
      const isFound = outcome?._tag === "Done" && outcome.found
      const made: MadeNode =
        isFound || outcome?._tag !== "Done"
          ? { _tag: "Found", manifest, isLocal }
          : { _tag: "Made", manifest, reason: each.reason, seconds: outcome.seconds, isLocal }
      yield* Deferred.succeed(done, made)
      return
    }
    if (outcome?._tag === "Failed") {
      yield* Deferred.fail(done, new TaskFailed(outcome.error, outcome.message))
      return
    }
    const offerAgain = (milliseconds: number): void => {
      each.job = undefined
      each.started = false
      each.notBefore = Date.now() + milliseconds
    }
    if (job.state === "failed") {
      // The database may have been away for longer than a worker's silence means its death.
      if ((yield* session.holderOf(key)) !== undefined) return offerAgain(5000)
      const death = isDeath(job.output) ? job.output : { how: "the loss of its worker", lines: [] }
      const attempts = each.died + job.lost + 1
      const log = relative(store.directory, attemptLog(store.directory, key, attempts))
      yield* Deferred.fail(done, new TaskDied({ node: node.name, attempts, log, how: death.how, lines: death.lines }))
      return
    }
    each.died += job.lost
    if (outcome?._tag !== "GivenBack") return offerAgain(1000)
    if (!outcome.refused) {
      // A dead machine's lock is old after 40 s, and then its work is to begin at once.
      each.heldSince ??= Date.now()
      return offerAgain(Date.now() - each.heldSince < staleMilliseconds ? 2000 : 15_000)
    }
    if (!each.refusals.has(outcome.worker)) {
      emit({ _tag: "NodeWarning", node: node.name, message: `the worker ${outcome.worker} refuses it: ${outcome.why}` })
    }
    each.refusals.set(outcome.worker, outcome.why)
    if (each.refusals.size >= mostRefusals) {
      yield* Deferred.fail(done, new TaskFailed("CodeDiffers", outcome.why))
      return
    }
    offerAgain(5000)
  })
