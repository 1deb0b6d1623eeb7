import { join } from "node:path"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { measureName, measuresOf } from "../../measures/index.ts"
import {
  type Adapters,
  type FrozenWeights,
  layerOnnxRuntime,
  learningRates,
  openTokenizer,
  openTrainer,
  readModelCard,
  readTokenTable,
  type StepReport,
} from "../../neural/index.ts"
import { type StageContext, tableWriter } from "../../pipeline/index.ts"
import { compareBytes, Kinds } from "../../schemas/index.ts"
import { logName, openCheckpoints } from "./Checkpoints.ts"
import { phaseAt } from "./Curriculum.ts"
import { checkData, checkHead, checkSettings } from "./checkTraining.ts"
import { onOneCore, type TrainConfig, type trainInputs, type trainOutputs } from "./contract.ts"
import { DataOrder } from "./DataOrder.ts"
import { queriesWithoutRoom, textInputs } from "./Inputs.ts"
import { type LogRow, openLogFile } from "./LogFile.ts"
import { apartText, memoryWarning, planMemory, withPlan } from "./memory.ts"
import { mineRanks } from "./mineRanks.ts"
import type { CardFacts } from "./modelReadme.ts"
import { readTrainingData, type Tokens } from "./readTrainingData.ts"
import { atStart, resumed, type Standing, savedTensors } from "./Standing.ts"
import { pairScorer } from "./scorePairs.ts"
import { stepLists } from "./stepLists.ts"
import { TrainingDiverged } from "./TrainError.ts"
import { openTrainable, type TrainableModel } from "./trainedModel.ts"
import { measureDev, readDevQueries } from "./Validation.ts"
import { vectorScores } from "./vectorScores.ts"

type Context = StageContext<TrainConfig, typeof trainInputs, typeof trainOutputs>

/** What of a model is trained, and what stays. */
export interface TrainedPart {
  /** The numbers that are trained begin with these. */
  readonly weights: ReadonlyMap<string, Float32Array>
  readonly adapters?: Adapters
  readonly base?: FrozenWeights
}

/** What came of a training. */
export interface Training {
  readonly model: TrainableModel
  readonly part: TrainedPart
  /** The weights that are kept, without those that stay in the base's file. */
  readonly weights: ReadonlyMap<string, Float32Array>
  /** In words, for a card. */
  readonly origin: string
  readonly facts: CardFacts
}

/** A training, whichever stage asks for it. */
export interface TrainingAsked<E1, E2, R> extends Pick<Context, "config" | "inputs" | "scratch" | "progress" | "warn"> {
  /** A hash of everything that decides the weights, to know a checkpoint by. */
  readonly training: string
  /** The folder that the log is written to. */
  readonly log: string
  readonly partOf: (model: TrainableModel) => Effect.Effect<TrainedPart, E1, R>
  readonly write: (made: Training) => Effect.Effect<void, E2>
}

/** Weights that stay in 8 bits are packed if they take less than so many bytes, which each session then has once more. */
const packedBytes = 2 ** 28

const short = (value: number): string => (Math.abs(value) >= 1000 ? value.toExponential(2) : value.toPrecision(3))

/** A line on how training goes. */
const detailOf = (report: StepReport, rates: ReadonlyArray<number>, perSecond: { lists: number; tokens: number }) => {
  const components = Object.entries(report.components).map(([name, value]) => `${name} ${short(value)}`)
  return [
    `loss ${short(report.loss)}${components.length > 1 ? ` (${components.join(", ")})` : ""}`,
    `lr ${[...new Set(rates)].map(short).join(", ")}`,
    `|g| ${short(report.gradientNorm)}`,
    `${short(perSecond.lists)} lists/s`,
    `${Math.round(perSecond.tokens).toLocaleString("en")} tokens/s`,
  ].join(" · ")
}

/** Trains a model; see `docs/SPEC.md`, T. */
export const runTraining = <E1, E2, R>(asked: TrainingAsked<E1, E2, R>) =>
  Effect.gen(function* () {
    const { config, inputs, scratch } = asked
    const { checkpointEvery, lists, optimizer, steps, system, validate } = config
    yield* checkSettings(asked)

    const card = yield* readModelCard(inputs.model.path)
    const model = yield* openTrainable(system, inputs.model.path, card)
    const part = yield* asked.partOf(model)
    const tokens: Tokens = {
      queries: yield* readTokenTable(inputs.tokens.path, "queries"),
      passages: yield* readTokenTable(inputs.tokens.path, "passages"),
    }
    const { data, asked: queriesAsked } = yield* readTrainingData({
      system,
      candidates: inputs.candidates,
      queries: inputs.queries,
      teacher: inputs.teacher[0],
      tokens,
      depth: lists.depth,
      leaveOutOwn: config.leaveOutOwn,
      alone: lists.curriculum.every(({ sources }) => sources.some(({ kind }) => kind === "random")),
    })
    yield* checkHead(asked, card)
    yield* checkData(asked, data, queriesAsked)
    const { tokenizer } = yield* openTokenizer(inputs.tokenizer.path)
    const { inputs: read, pairs } = yield* textInputs(
      card,
      tokenizer,
      tokens,
      model.description.architecture.tokenTypes,
    )
    const dev =
      validate.every === 0
        ? []
        : yield* readDevQueries({
            system,
            queries: inputs.queries,
            qrels: inputs.qrels,
            candidates: inputs.dev,
            tokens,
            most: validate.queries,
            depth: validate.depth,
          })
    if (validate.every > 0 && dev.length === 0) {
      asked.warn(
        "no dev query has candidates and a relevant passage: the training is not watched, its last weights are kept",
      )
    }
    const texted = [...data.queryTexts, ...dev.map(({ text }) => text)]
    const crowding =
      pairs === undefined ? [] : yield* queriesWithoutRoom(system, pairs, tokens, texted, config.strict === true)
    if (crowding.length > 0) {
      asked.warn(
        `${crowding.length} of ${new Set(texted).size} queries, ${crowding[0]}${crowding.length > 1 ? " the first" : ""}, would leave no room for a passage within ${card.input.maximumTokens} tokens, and share it with the passage, the longer text shortened first; rerank.strict makes that an error`,
      )
    }
    const measures = measuresOf(validate.measures)

    // Of what cannot be planned the trainer itself says what is wrong.
    const plan = Option.getOrUndefined(yield* Effect.option(planMemory(config, model.description)))
    const tooMuch = plan && memoryWarning(plan)
    if (tooMuch !== undefined) asked.warn(tooMuch)
    const { stepsPerRun = 1 } = config
    const apart = plan && apartText(plan)
    if (apart !== undefined) asked.warn(apart)
    const outOfMemory = withPlan(system, plan)
    const trainer = yield* openTrainer({
      description: model.description,
      ...part,
      loss: config.loss,
      vectors: vectorScores(config, model.description.head),
      optimizer,
      dropout: config.dropout,
      seed: config.seed,
      device: config.hardware.device,
      ...(config.threads === undefined ? {} : { threads: config.threads }),
      apart: onOneCore(config),
      ...(config.tokensPerMicroBatch === undefined ? {} : { tokensPerMicroBatch: config.tokensPerMicroBatch }),
      ...(config.recompute === undefined ? {} : { recompute: config.recompute }),
      // Packed, what stays would be held twice more by each session; products over a batch's many rows are hardly slower without, but for
      // those of 8-bit numbers.
      prepack:
        part.base === undefined || (part.base.storage === "int8" && (plan?.memory.base ?? packedBytes) < packedBytes),
    })

    const scorePairs = pairScorer(trainer, read)

    const checkpoints = openCheckpoints(scratch, asked.training)
    const found = yield* checkpoints.latest((path, why) =>
      asked.warn(`${path} is damaged (${why}); training goes on from the checkpoint before it`),
    )
    const standing: Standing = found === undefined ? atStart() : yield* resumed(trainer, found)
    const log = openLogFile(join(scratch, logName), found?.position.logBytes ?? 0)
    const order = new DataOrder(config.seed, data.qids.length)
    const perEpoch = data.qids.length / lists.perStep

    const note = (step: number, series: string, value: number): void => {
      const { phase } = phaseAt(lists.curriculum, Math.max(0, step - 1), steps)
      const row: LogRow = { step, epoch: step / perEpoch, phase: phase.name, series, value }
      log.add(row)
    }

    const measure = Effect.gen(function* () {
      const found = yield* Effect.mapError(measureDev(scorePairs, dev, measures), outOfMemory)
      for (const { measure, slice, value } of found) {
        note(standing.step, `dev.${measureName(measure)}${slice === "all" ? "" : `.${slice}`}`, value)
      }
      const value = found[0]?.value ?? 0
      if (standing.best === undefined || value > standing.best.value) {
        standing.best = { step: standing.step, value, worse: 0 }
        standing.bestWeights = trainer.weights()
      } else standing.best = { ...standing.best, worse: standing.best.worse + 1 }
    })

    const save = Effect.gen(function* () {
      const { best, step } = standing
      const logged = yield* log.flush
      const state = trainer.state()
      const position = {
        step,
        updates: state.updates,
        ...(state.base === undefined ? {} : { base: state.base }),
        ...logged,
        ...(best === undefined ? {} : { best }),
      }
      yield* checkpoints.save(position, savedTensors(state.tensors, standing))
    })

    if (standing.step === 0 && dev.length > 0) yield* measure
    const began = yield* Clock.currentTimeMillis
    const firstStep = standing.step
    let tokensSeen = 0
    let stopped: string | undefined
    const patient = (): boolean =>
      validate.patience === undefined || standing.best === undefined || standing.best.worse < validate.patience

    /** Before which step a run that begins with one ends: something else is done between both, or it is full. */
    const endOfRun = (step: number): number => {
      const { end, phase, start } = phaseAt(lists.curriculum, step, steps)
      const mines = phase.sources.some(({ kind }) => kind === "mined")
      const every = (length: number, from = 0): number => step + length - ((step - from) % length)
      return Math.min(
        end,
        step + stepsPerRun,
        every(checkpointEvery),
        dev.length === 0 ? steps : every(validate.every),
        mines ? every(lists.mineEvery, start) : steps,
      )
    }

    while (standing.step < steps && stopped === undefined && patient()) {
      const { step: first } = standing
      const { phase, start } = phaseAt(lists.curriculum, first, steps)
      if (phase.sources.some(({ kind }) => kind === "mined") && (first - start) % lists.mineEvery === 0) {
        const until = Math.min(steps, first + lists.mineEvery)
        const mined = new Set<number>()
        for (let list = first * lists.perStep; list < until * lists.perStep; list++) mined.add(order.at(list).query)
        standing.mined = yield* mineRanks(
          scorePairs,
          data,
          [...mined].sort((a, b) => a - b),
        )
      }
      const together = Array.from({ length: endOfRun(first) - first }, (_, at) => {
        const step = first + at
        const batch = stepLists(data, order, lists, phase, step, read, tokens.passages, standing.mined)
        return { ...batch, rates: learningRates(optimizer, step, steps) }
      })
      const reports = yield* Effect.mapError(
        trainer.steps(together.map(({ rates, step }) => ({ ...step, learningRates: rates }))),
        outOfMemory,
      )
      for (const [at, report] of reports.entries()) {
        const step = first + at
        const { queries, rates } = together[at]!
        if (!report.finite) {
          const qids = queries.map((query) => data.qids[query] ?? "")
          if (standing.bestWeights === undefined && found === undefined && step < checkpointEvery) {
            return yield* new TrainingDiverged({ system, step: step + 1, qids, loss: report.loss })
          }
          stopped = `at step ${step + 1} the loss is ${report.loss}, or its gradient is not finite, for the lists of ${qids.join(", ")}: training stopped there`
          break
        }
        tokensSeen += report.tokens
        standing.step = step + 1
        note(standing.step, "loss", report.loss)
        for (const [name, value] of Object.entries(report.components)) note(standing.step, `loss.${name}`, value)
        optimizer.groups.forEach(({ name }, g) => note(standing.step, `learningRate.${name}`, rates[g] ?? 0))
        note(standing.step, "gradientNorm", report.gradientNorm)

        const seconds = Math.max(1e-3, ((yield* Clock.currentTimeMillis) - began) / 1000)
        const perSecond = {
          lists: ((standing.step - firstStep) * lists.perStep) / seconds,
          tokens: tokensSeen / seconds,
        }
        asked.progress({
          done: standing.step,
          resumedAt: firstStep,
          total: steps,
          unit: "steps",
          detail: detailOf(report, rates, perSecond),
        })
      }
      if (stopped !== undefined) break

      const last = standing.step === steps
      if (dev.length > 0 && (last || standing.step % validate.every === 0)) yield* measure
      if (!last && standing.step % checkpointEvery === 0) yield* save
    }
    if (stopped !== undefined) asked.warn(stopped)

    // Nothing was updated by a step that was not finite: the trainer's weights are those of the last good one.
    const weights = new Map(
      [...(standing.bestWeights ?? trainer.weights())].flatMap(([name, values]) =>
        values instanceof Float32Array ? [[name, values] as const] : [],
      ),
    )
    const kept = standing.bestWeights === undefined ? standing.step : (standing.best?.step ?? standing.step)
    const rows = [...(yield* log.rows)].sort((a, b) => a.step - b.step || compareBytes(a.series, b.series))
    const origin = `trained from ${card.name} (${card.origin}) with the loss ${config.loss.kind}, seed ${config.seed}, ${kept} of ${steps} steps`
    const measured = rows.filter((row) => row.step === kept && row.series.startsWith("dev."))
    const facts = { config, base: card, data, kept, done: standing.step, measured, inputs }
    yield* asked.write({ model, part, weights, origin, facts })
    const writer = yield* tableWriter(Kinds.TrainingLog, asked.log)
    yield* writer.writeRows(rows.map((row) => ({ system, ...row })))
    const logged = yield* writer.finish
    const seconds = Math.max(1e-3, ((yield* Clock.currentTimeMillis) - began) / 1000)
    return {
      rows: { log: logged },
      facts: {
        queries: data.qids.length,
        steps: standing.step,
        keptStep: kept,
        trainedNumbers: [...weights.values()].reduce((sum, { length }) => sum + length, 0),
        ...(crowding.length === 0 ? {} : { queriesWithoutRoom: crowding.length }),
        listsPerSecond: Math.round(((standing.step - firstStep) * lists.perStep) / seconds),
        tokensPerSecond: Math.round(tokensSeen / seconds),
        device: trainer.device,
        deviceName: trainer.deviceName,
        ...(standing.best === undefined ? {} : { [`dev.${validate.measures[0]}`]: standing.best.value }),
      },
    }
  }).pipe(Effect.scoped, Effect.provide(layerOnnxRuntime))
