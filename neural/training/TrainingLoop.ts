import * as Effect from "effect/Effect"
import { needsTeacher } from "../losses/index.ts"
import { eachTime, firstOf, lastOf, timesInput } from "../onnx/index.ts"
import type { WeightGroup, WeightUpdate } from "../optimizers/index.ts"
import {
  type Device,
  floats,
  type InferenceFailed,
  int64s,
  packTexts,
  ScoreNotFinite,
  type Session,
  stacked,
  type Tensor,
  type TokenInput,
  type TokenSequence,
} from "../runtime/index.ts"
import { dropoutFeeds } from "./DropoutMasks.ts"
import {
  type MicroBatch,
  microBatches,
  paddedTokens,
  textGroups,
  usualGroupOverhead,
  usualTokensPerMicroBatch,
} from "./microBatches.ts"
import { keptInput, madeInput, meanInput, momentInput, normOutput, ratesInput, rootInput } from "./repeatedSteps.ts"
import { StepGradient } from "./StepGradient.ts"
import type { StepFailure, StepReport, TrainerOptions, TrainerState, TrainingStep } from "./Trainer.ts"
import { StateForeign } from "./TrainingError.ts"
import { componentOutput, groupSuffix, type TrainingGraphs } from "./trainingGraphs.ts"

/** A weight in training. */
export interface Weight {
  readonly name: string
  readonly shape: readonly number[]
  readonly values: Float32Array
  /** Where its gradient is written, in its shape; undefined where it is frozen or its gradient comes by row. */
  readonly gradient: Float32Array | undefined
  readonly group: WeightGroup
  /** Undefined where it is frozen. */
  readonly update: WeightUpdate | undefined
}

/** A session for each graph, opened when it is first needed. */
export type TrainingSessions = Readonly<
  Record<"score" | "loss" | "backward" | "inference" | "several", Effect.Effect<Session, StepFailure>>
> & {
  /** By the number of groups. */
  readonly whole: (groups: number) => Effect.Effect<Session, StepFailure>
}

type Results = ReadonlyMap<string, Tensor>

const floatsOf = (results: Results, name: string): Float32Array => {
  const found = results.get(name)
  return found?.type === "float32" ? found.data : new Float32Array(0)
}

const scalarOf = (results: Results, name: string): number => floatsOf(results, name)[0] ?? Number.NaN

/** A step with all of its texts: the items', and behind them the lists' queries where each text has a vector. */
interface StepTexts extends TrainingStep {
  readonly all: readonly TokenSequence[]
}

interface StepItems {
  readonly step: StepTexts
  /** The texts that there are. */
  readonly items: MicroBatch
}

const longestOf = (texts: readonly TokenSequence[]): number =>
  texts.reduce((most, { ids }) => Math.max(most, ids.length), 1)

/** As many tokens at once score fastest on a CPU: the values of a layer stay in its caches. */
const scoringTokensOfCpu = 1024

const mismatch = (own: Float32Array | Int32Array, saved: Float32Array | Int32Array): string | undefined => {
  if (own.constructor !== saved.constructor) return "has another element type"
  return own.length === saved.length ? undefined : `has ${saved.length} elements instead of ${own.length}`
}

/** What tells weights that stay in a file from others, and from themselves in another form. */
const baseName = ({ base }: TrainerOptions): string | undefined => {
  const { fingerprint, storage = "fp32" } = base ?? {}
  return fingerprint === undefined || storage === "fp32" ? fingerprint : `${fingerprint} in ${storage}`
}

/** The steps of a trainer: what a session is fed, and what becomes of its results. */
export class TrainingLoop {
  readonly #options: TrainerOptions
  readonly #graphs: TrainingGraphs
  readonly #sessions: TrainingSessions
  readonly #weights: readonly Weight[]
  readonly #gradient: StepGradient
  readonly #mostTokens: number
  readonly #groupOverhead: number
  readonly #scoringTokens: number
  readonly #inputs: readonly TokenInput[]
  #updates = 0
  #fed = 0
  #fetched = 0

  constructor(
    options: TrainerOptions,
    device: Device,
    graphs: TrainingGraphs,
    sessions: TrainingSessions,
    weights: readonly Weight[],
  ) {
    const { architecture } = options.description
    this.#options = options
    this.#graphs = graphs
    this.#sessions = sessions
    this.#weights = weights
    this.#gradient = new StepGradient(
      graphs,
      new Map(weights.map(({ name, shape }) => [name, shape])),
      new Map(weights.flatMap(({ gradient, name }) => (gradient === undefined ? [] : [[name, gradient]]))),
    )
    this.#mostTokens = options.tokensPerMicroBatch ?? usualTokensPerMicroBatch(architecture)
    this.#groupOverhead = options.groupOverhead ?? (device === "cpu" ? usualGroupOverhead : Number.POSITIVE_INFINITY)
    // To another device the weights go with every batch.
    this.#scoringTokens = device === "cpu" ? scoringTokensOfCpu : this.#mostTokens
    const names = ["input_ids", "attention_mask", "token_type_ids", "pooling_mask"] as const
    const wanted = new Set(
      graphs.score.inputs.flatMap(({ operation }) => (operation.kind === "Input" ? operation.name : [])),
    )
    this.#inputs = names.filter((name) => wanted.has(name)).map((name) => ({ name, type: "int64" }))
  }

  transferred(): { readonly fed: number; readonly fetched: number } {
    return { fed: this.#fed, fetched: this.#fetched }
  }

  /** A run of a session, counted. */
  #run(
    session: Session,
    feeds: Readonly<Record<string, Tensor>>,
    into?: Readonly<Record<string, Tensor>>,
  ): Effect.Effect<Results, InferenceFailed> {
    const bytes = (tensors: Iterable<Tensor>): number =>
      [...tensors].reduce((sum, { data }) => sum + data.byteLength, 0)
    this.#fed += bytes(Object.values(feeds))
    return Effect.tap(session.run(feeds, into), (results) =>
      Effect.sync(() => {
        this.#fetched += bytes(results.values())
      }),
    )
  }

  /** Feeds of the weights that a session has as inputs. */
  #weightFeeds(session: Session): Readonly<Record<string, Tensor>> {
    const wanted = new Set(session.inputs.map(({ name }) => name))
    return Object.fromEntries(
      this.#weights.flatMap(({ name, shape, values }) => (wanted.has(name) ? [[name, floats(shape, values)]] : [])),
    )
  }

  /** Feeds of some of a step's texts, with their dropout masks. */
  #textFeeds(step: StepTexts, batch: MicroBatch, least = 1): Readonly<Record<string, Tensor>> {
    const texts = packTexts(
      this.#inputs,
      batch.map((item) => step.all[item] ?? { ids: [] }),
      least,
    )
    const { dropout, seed } = this.#options
    const sequence = texts["input_ids"]?.shape[1] ?? 0
    const drops = dropout > 0 || (this.#options.adapters?.dropout ?? 0) > 0
    return drops ? { ...texts, ...dropoutFeeds(seed, step.step, batch, sequence) } : texts
  }

  #listFeeds({ grades, lists, m, mask, others, teacher }: TrainingStep): Readonly<Record<string, Tensor>> {
    const shape = [lists, m]
    return {
      grades: floats(shape, grades),
      mask: floats(shape, Float32Array.from(mask)),
      ...(needsTeacher(this.#options.loss) ? { teacher: floats(shape, teacher ?? new Float32Array(lists * m)) } : {}),
      ...(this.#graphs.overBatch
        ? { others: floats([lists, lists * m], Float32Array.from(others ?? new Uint8Array(lists * lists * m))) }
        : {}),
    }
  }

  /** The shape of what the model gives for a step's rows, or its items. */
  #outcomeShape({ all, lists, m }: StepTexts): readonly number[] {
    const { width } = this.#graphs
    return width === undefined ? [lists, m] : [all.length, width]
  }

  /**
   * Feeds of a step whose texts are all there, in groups.
   *
   * @param rows to how many texts a group is filled up with ones that no item has
   * @param least how many tokens a text is padded to at least
   */
  #wholeFeeds(step: StepTexts, groups: readonly MicroBatch[], rows = 0, least = 1): Readonly<Record<string, Tensor>> {
    const filled = groups.map((group) => {
      const missing = Math.max(0, rows - group.length)
      return [...group, ...Array.from({ length: missing }, () => group[0] ?? 0)]
    })
    const slots = new BigInt64Array(step.all.length).fill(BigInt(filled.flat().length))
    let first = 0
    groups.forEach((group, g) => {
      group.forEach((item, text) => {
        slots[item] = BigInt(first + text)
      })
      first += filled[g]?.length ?? 0
    })
    const texts = filled.flatMap((group, g) =>
      Object.entries(this.#textFeeds(step, group, least)).map(
        ([name, tensor]) => [name + groupSuffix(g), tensor] as const,
      ),
    )
    const rowsAlone = this.#graphs.width !== undefined
    return {
      ...Object.fromEntries(texts),
      ...this.#listFeeds(step),
      slots: int64s(this.#outcomeShape(step).slice(0, rowsAlone ? 1 : 2), slots),
    }
  }

  /** Forward, loss and backward in one run. */
  #wholeStep(step: StepTexts, groups: readonly MicroBatch[]): Effect.Effect<Results, StepFailure> {
    return Effect.gen(this, function* () {
      const session = yield* this.#sessions.whole(groups.length)
      const feeds = { ...this.#weightFeeds(session), ...this.#wholeFeeds(step, groups) }
      const results = yield* this.#run(session, feeds, this.#gradient.places())
      this.#gradient.take(results)
      return results
    })
  }

  /** What the model gives for all micro-batches, the loss once, then each micro-batch's share of the gradient. */
  #stepInParts(step: StepTexts, batches: readonly MicroBatch[]): Effect.Effect<Results, StepFailure> {
    return Effect.gen(this, function* () {
      const { backward, loss, score } = this.#sessions
      const { width = 1 } = this.#graphs
      const outcome = new Float32Array(step.all.length * width)
      const scoring = yield* score
      for (const batch of batches) {
        const results = yield* this.#run(scoring, { ...this.#weightFeeds(scoring), ...this.#textFeeds(step, batch) })
        const found = floatsOf(results, "outcome")
        batch.forEach((item, text) => outcome.set(found.subarray(text * width, (text + 1) * width), item * width))
      }
      const losing = yield* loss
      const results = yield* this.#run(losing, {
        ...this.#listFeeds(step),
        outcome: floats(this.#outcomeShape(step), outcome),
      })
      const gradient = floatsOf(results, "gradient")
      if (!Number.isFinite(scalarOf(results, "loss"))) return results
      const returning = yield* backward
      for (const batch of batches) {
        const seed = new Float32Array(batch.length * width)
        batch.forEach((item, text) => seed.set(gradient.subarray(item * width, (item + 1) * width), text * width))
        // Nothing comes from texts that the loss does not look at.
        if (seed.every((slope) => slope === 0)) continue
        const feeds = {
          ...this.#weightFeeds(returning),
          ...this.#textFeeds(step, batch),
          seed: floats(this.#graphs.width === undefined ? [batch.length] : [batch.length, width], seed),
        }
        this.#gradient.take(yield* this.#run(returning, feeds, this.#gradient.places()))
      }
      return results
    })
  }

  /** A step with the texts of its queries, and which of its texts there are. */
  #textsOf(given: TrainingStep): { readonly step: StepTexts; readonly items: MicroBatch } {
    const queries = this.#graphs.width === undefined ? [] : (given.queries ?? [])
    const step: StepTexts = { ...given, all: [...given.texts, ...queries] }
    return { step, items: Array.from(step.all.keys()).filter((item) => step.mask[item] !== 0) }
  }

  /** What a step's results say; `of` gives the number of an output. */
  #report(of: (output: string) => number, gradientNorm: number, { items, step }: StepItems): StepReport {
    const loss = of("loss")
    return {
      loss,
      components: Object.fromEntries(this.#graphs.components.map((name) => [name, of(componentOutput(name))])),
      countedLists: of("counted"),
      gradientNorm,
      tokens: items.reduce((sum, item) => sum + (step.all[item]?.ids.length ?? 0), 0),
      finite: Number.isFinite(loss) && Number.isFinite(gradientNorm),
    }
  }

  step(given: TrainingStep): Effect.Effect<StepReport, StepFailure> {
    return Effect.gen(this, function* () {
      const found = this.#textsOf(given)
      const { items, step } = found
      this.#gradient.clear()
      const groups = textGroups(step.all, items, this.#groupOverhead)
      const fits = items.length === 1 || paddedTokens(step.all, groups) <= this.#mostTokens
      const results =
        fits && items.length > 0
          ? yield* this.#wholeStep(step, groups)
          : yield* this.#stepInParts(step, microBatches(step.all, items, this.#mostTokens))
      this.#gradient.complete()
      const report = this.#report((output) => scalarOf(results, output), this.#gradient.norm(), found)
      if (report.finite && report.countedLists > 0) this.#update(step.learningRates, report.gradientNorm)
      return report
    })
  }

  steps(given: readonly TrainingStep[]): Effect.Effect<readonly StepReport[], StepFailure> {
    return Effect.gen(this, function* () {
      const found = given.map((each) => this.#textsOf(each))
      const rows = Math.max(...found.map(({ items }) => items.length))
      const longest = found.reduce((most, { step }) => Math.max(most, longestOf(step.all)), 1)
      const [first] = given
      const together =
        given.length > 1 &&
        this.#goesTogether() &&
        rows * longest <= this.#mostTokens &&
        found.every(({ items }) => items.length > 0) &&
        given.every(({ lists, m }) => lists === first?.lists && m === first.m)
      if (together) return yield* this.#inOneRun(found, rows, longest)
      const reports: StepReport[] = []
      for (const each of given) {
        const report = yield* this.step(each)
        reports.push(report)
        if (!report.finite) break
      }
      return reports
    })
  }

  /** Whether weights follow their gradients by what a graph of several steps has. */
  #goesTogether(): boolean {
    const { embeddings, kind } = this.#options.optimizer
    return kind === "adamw" && (embeddings === "all" || this.#graphs.byRow.length === 0)
  }

  /** Steps with as many lists and items, in one run: their texts filled up to as many and as long ones. */
  #inOneRun(
    found: readonly StepItems[],
    rows: number,
    longest: number,
  ): Effect.Effect<readonly StepReport[], StepFailure> {
    return Effect.gen(this, function* () {
      const { adamw, groups, weightDecay } = this.#options.optimizer
      const session = yield* this.#sessions.several
      const feeds: Record<string, Tensor> = { ...this.#weightFeeds(session) }
      const ofStep = ({ items, step }: StepItems): Readonly<Record<string, Tensor>> => {
        const rates = groups.map((_, group) => step.learningRates[group] ?? 0)
        return {
          ...this.#wholeFeeds(step, [items], rows, longest),
          [ratesInput]: floats([groups.length], Float32Array.from(rates)),
          [keptInput]: floats(
            [groups.length],
            Float32Array.from(rates, (rate) => 1 - rate * weightDecay),
          ),
        }
      }
      const each = found.map(ofStep)
      for (const [name, first] of Object.entries(each[0] ?? {})) {
        feeds[eachTime(name)] = stacked([first, ...each.slice(1).flatMap((step) => step[name] ?? [])])
      }
      const counts = found.map((_, made) => this.#updates + made + 1)
      feeds[meanInput] = floats(
        [counts.length],
        Float32Array.from(counts, (t) => 1 / (1 - adamw.beta1 ** t)),
      )
      feeds[rootInput] = floats(
        [counts.length],
        Float32Array.from(counts, (t) => 1 / Math.sqrt(1 - adamw.beta2 ** t)),
      )
      feeds[timesInput] = int64s([], BigInt64Array.of(BigInt(found.length)))
      feeds[firstOf(madeInput)] = int64s([], BigInt64Array.of(0n))
      const states = this.#weights.flatMap(({ name, shape, update, values }) => {
        const { first, second } = update?.memory ?? {}
        if (!(first instanceof Float32Array && second instanceof Float32Array)) return []
        const arrays = [values, first, second]
        return [name, momentInput("first", name), momentInput("second", name)].map((state, i) => ({
          state,
          shape,
          data: arrays[i] ?? values,
        }))
      })
      for (const { data, shape, state } of states) feeds[firstOf(state)] = floats(shape, data)
      const results = yield* this.#run(session, feeds)
      for (const { data, state } of states) data.set(floatsOf(results, lastOf(state)))
      const made = results.get(lastOf(madeInput))
      this.#updates += made?.type === "int64" ? Number(made.data[0]) : 0
      // Each row of a table has been updated, whether a step had it or not.
      for (const { update } of this.#weights) update?.memory["touched"]?.fill(this.#updates)
      const norms = floatsOf(results, eachTime(normOutput))
      return found.slice(0, norms.length).map((each, at) => {
        const of = (output: string): number => floatsOf(results, eachTime(output))[at] ?? Number.NaN
        return this.#report(of, of(normOutput), each)
      })
    })
  }

  #update(learningRates: readonly number[], norm: number): void {
    const { clip, weightDecay } = this.#options.optimizer
    this.#updates++
    const scale = clip > 0 && norm > clip ? clip / norm : 1
    for (const { group, name, update, values } of this.#weights) {
      const gradient = this.#gradient.of(name)
      if (update === undefined || gradient === undefined) continue
      const rate = learningRates[group.group] ?? 0
      update.apply(values, gradient, { rate, decay: group.decays ? weightDecay : 0, scale, count: this.#updates })
    }
  }

  score(texts: readonly TokenSequence[]): Effect.Effect<Float32Array, StepFailure | ScoreNotFinite> {
    return Effect.gen(this, function* () {
      const { width = 1 } = this.#graphs
      const scores = new Float32Array(texts.length * width)
      const session = yield* this.#sessions.inference
      const weights = this.#weightFeeds(session)
      const items = Array.from(texts.keys()).sort((a, b) => (texts[b]?.ids.length ?? 0) - (texts[a]?.ids.length ?? 0))
      for (const batch of microBatches(texts, items, this.#scoringTokens)) {
        const own = batch.map((item) => texts[item] ?? { ids: [] })
        const found = floatsOf(yield* this.#run(session, { ...weights, ...packTexts(this.#inputs, own) }), "outcome")
        for (const [row, item] of batch.entries()) {
          const values = found.subarray(row * width, (row + 1) * width)
          const bad = values.length < width ? Number.NaN : values.find((value) => !Number.isFinite(value))
          if (bad !== undefined) {
            const { architecture } = this.#options.description
            return yield* new ScoreNotFinite({
              model: `the ${architecture.family} in training`,
              device: session.device,
              text: item,
              value: bad,
            })
          }
          scores.set(values, item * width)
        }
      }
      return scores
    })
  }

  state(): TrainerState {
    const tensors = new Map<string, Float32Array | Int32Array>()
    for (const [name, live] of this.#live()) tensors.set(name, live.slice())
    const base = baseName(this.#options)
    return { updates: this.#updates, tensors, ...(base === undefined ? {} : { base }) }
  }

  restore({ base, tensors, updates }: TrainerState): Effect.Effect<void, StateForeign> {
    const own = baseName(this.#options)
    if (base !== own) {
      const why = `are ${base ?? "none in a file"}, and not ${own ?? "none in a file"}`
      return Effect.fail(new StateForeign({ tensor: "the weights that stay", why }))
    }
    const live = new Map(this.#live())
    for (const [tensor, values] of tensors) {
      const own = live.get(tensor)
      const why = own === undefined ? "is not part of it" : mismatch(own, values)
      if (why !== undefined) return Effect.fail(new StateForeign({ tensor, why }))
    }
    const missing = [...live.keys()].find((tensor) => !tensors.has(tensor))
    if (missing !== undefined) return Effect.fail(new StateForeign({ tensor: missing, why: "is missing" }))
    return Effect.sync(() => {
      for (const [tensor, own] of live) own.set(tensors.get(tensor) ?? [])
      this.#updates = updates
    })
  }

  /** All that changes while training, by name. */
  *#live(): Iterable<readonly [string, Float32Array | Int32Array]> {
    for (const { name, update, values } of this.#weights) {
      yield [`weight:${name}`, values]
      for (const [memory, remembered] of Object.entries(update?.memory ?? {})) yield [`${memory}:${name}`, remembered]
    }
  }
}
