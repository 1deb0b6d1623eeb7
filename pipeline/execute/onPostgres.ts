import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { Json } from "../plan/index.ts"
import { type Executor, type MadeNode, type NodeMaking, type NodeTask, reasonOf, storePlan } from "../run/index.ts"
import { mostAttempts } from "./inChildren.ts"
import { type AskedNeeds, type Labels, labelsText, needsOf, queueOf } from "./Labels.ts"
import { newResult } from "./newResult.ts"
import {
  asked,
  heartbeatSeconds,
  longestSeconds,
  makeQueues,
  openBoss,
  PostgresOutcome,
  type PostgresTask,
} from "./PgBoss.ts"
import { TaskDied, TaskFailed } from "./TaskError.ts"

const pollMilliseconds = 500

/** After so long without a worker that takes a task, what it needs is said. */
const lonelyMilliseconds = 60_000

/** How long the database may not answer before the run gives up; results in the store count meanwhile. */
const mostSilence = 600_000

/** So many workers may refuse a task, for their code, before the run says so. */
const mostRefusals = 3

const decodeOutcome = Schema.decodeUnknownEither(PostgresOutcome)

/** Whether a job waits for a worker or has one. */
const isUnderWay = ({ state }: { readonly state: string }): boolean => ["created", "retry", "active"].includes(state)

/**
 * Each node by a worker that takes it from a queue of a database, one that has what the node needs. Whether it is made is what the store
 * says.
 */
export const onPostgres =
  (address: string, recipe: Json, needs: ReadonlyArray<AskedNeeds> = []): Executor =>
  (making, plan) =>
    Effect.gen(function* () {
      const hash = yield* storePlan(plan, recipe, making.session)
      const boss = yield* openBoss(address, true)
      const queues = plan.nodes.flatMap(({ node }) =>
        node._tag === "StageNode" ? [queueOf(needsOf(node, needs))] : [],
      )
      yield* makeQueues(address, boss, queues)
      return (task) => makeByWorker(making, task, hash, address, boss, needsOf(task.node, needs))
    })

const makeByWorker = (
  making: NodeMaking,
  task: NodeTask,
  plan: string,
  address: string,
  boss: Effect.Effect.Success<ReturnType<typeof openBoss>>,
  needs: Labels,
) =>
  Effect.gen(function* () {
    const { emit, sharing, store } = making
    const { key, node, forced } = task
    const failed = making.stoppedBy()
    if (failed !== undefined) return { _tag: "Stopped" as const, failed }
    const queue = queueOf(needs)
    const stored = yield* store.lookup(node.stage.name, key, "sizes")
    const reason = yield* reasonOf(making, task, stored)
    const isNew = newResult(task, stored)
    const askedAt = Date.now()
    const data: PostgresTask = { key, plan, node: node.name, forced, askedAt }
    const offer = (startAfter: number) =>
      asked(address, async () => {
        const sent = await boss.send(queue, data, {
          singletonKey: key,
          retryLimit: mostAttempts - 1,
          retryDelay: 0,
          expireInSeconds: longestSeconds,
          heartbeatSeconds,
          ...(startAfter === 0 ? {} : { startAfter }),
        })
        if (sent !== null) return sent
        // It was offered before, by this run or one that was killed.
        const found = await boss.findJobs(queue, { key })
        return found.find(isUnderWay)?.id
      })
    /** The result, in the folder or behind it. */
    const made = Effect.gen(function* () {
      const here = yield* store.lookup(node.stage.name, key, "sizes")
      if (here._tag === "Found" && isNew(here.manifest)) return { manifest: here.manifest, isLocal: true }
      const there = yield* sharing.find(node, key, here)
      return there === undefined || !isNew(there) ? undefined : { manifest: there, isLocal: false }
    })
    let id: string | undefined
    let started = false
    /** Whether it was said that no worker takes it. */
    let lonely = false
    let silentSince: number | undefined
    const refusals = new Map<string, string>()
    const look = Effect.gen(function* () {
      id ??= yield* offer(0)
      const jobs = id === undefined ? [] : yield* asked(address, () => boss.findJobs(queue, { id: id ?? "" }))
      const [job] = jobs
      if (!started && job?.state !== "active" && !lonely && Date.now() - askedAt > lonelyMilliseconds) {
        lonely = true
        const which = needs.size === 0 ? "" : ` that has ${labelsText(needs)}`
        emit({ _tag: "NodeWarning", node: node.name, message: `waits for a worker${which}; none has taken it yet` })
      }
      if (job?.state === "active" && !started) {
        started = true
        lonely = true
        emit({ _tag: "NodeStarted", node: node.name, reason })
      }
      if (job === undefined || isUnderWay(job)) return undefined
      const result = yield* made
      const outcome = Either.getOrUndefined(decodeOutcome(job.output))
      if (result !== undefined) {
        const { isLocal, manifest } = result
        const isFound = outcome?._tag === "Done" && outcome.found
        const seconds = outcome?._tag === "Done" ? outcome.seconds : manifest.provenance.seconds
        return isLocal && !isFound
          ? { _tag: "Made" as const, manifest, reason, seconds }
          : { _tag: "Found" as const, manifest, isLocal }
      }
      if (outcome?._tag === "Failed") return yield* Effect.fail(new TaskFailed(outcome.error, outcome.message))
      if (job.state === "failed") {
        const how = Schema.is(Schema.Struct({ how: Schema.String, lines: Schema.Array(Schema.String) }))(job.output)
          ? job.output
          : { how: "the loss of its worker", lines: [] }
        return yield* new TaskDied({
          node: node.name,
          attempts: job.retryCount + 1,
          log: "its worker's standard error",
          ...how,
        })
      }
      if (outcome?._tag === "GivenBack" && outcome.refused) {
        refusals.set(outcome.worker, outcome.why)
        if (refusals.size >= mostRefusals) return yield* Effect.fail(new TaskFailed("CodeDiffers", outcome.why))
      }
      started = false
      id = yield* offer(5)
      return undefined
    })
    for (;;) {
      const got: Either.Either<MadeNode | undefined, Effect.Effect.Error<typeof look>> = yield* Effect.either(look)
      if (Either.isRight(got)) {
        silentSince = undefined
        if (got.right !== undefined) return got.right
      } else {
        const error = got.left
        silentSince ??= performance.now()
        const isAway = error._tag === "PostgresError" && performance.now() - silentSince < mostSilence
        if (!isAway) return yield* Effect.fail(error)
        // The database is needed to give tasks out, and not to see what became of them.
        const result = yield* made
        if (result !== undefined) return { _tag: "Found" as const, ...result }
      }
      yield* Effect.sleep(pollMilliseconds)
    }
  }).pipe(
    Effect.onInterrupt(() =>
      Effect.ignore(
        asked(address, async () => {
          const queue = queueOf(needs)
          for (const job of await boss.findJobs(queue, { key: task.key })) {
            if (isUnderWay(job)) await boss.cancel(queue, job.id)
          }
        }),
      ),
    ),
  )
