import { readFileSync } from "node:fs"
import { isAbsolute, join, relative } from "node:path"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { WiredExperiment } from "../../experiment.ts"
import {
  describeOwner,
  joinedName,
  makePlan,
  type NodePreview,
  type NodeReport,
  nodesNamed,
  type Plan,
  preview,
  type Reason,
  type RunEvent,
  type RunReport,
  renderGraph,
  renderReason,
  run,
  selectTargets,
  shrinkCache,
} from "../../pipeline/index.ts"
import { DeviceChoice, EvaluationSummary } from "../../schemas/index.ts"
import { UsageError } from "../Arguments.ts"
import { forgetScores } from "../CatalogFile.ts"
import { displayWidth, paddedAfter } from "../DisplayWidth.ts"
import { WorkFound } from "../ExitCode.ts"
import { executorNamed, isPostgres } from "../executors.ts"
import { memoryText, planTrainings } from "../MemoryText.ts"
import { pagePaths } from "../pagePaths.ts"
import { formatBytes, formatCount, formatSeconds } from "../Quantity.ts"
import { quantityOf } from "../quantityOf.ts"
import { renderResultTable } from "../ResultTable.ts"
import { describeNode, logModes, makeRunDisplay, reasonLine } from "../RunDisplay.ts"
import { previewDocument, runDocument } from "../RunDocument.ts"
import { readSummaries } from "../RunSummaries.ts"
import { refreshCatalog } from "../refreshCatalog.ts"
import { runServices } from "../runServices.ts"
import { extensionsOf } from "../Settings.ts"
import { sweepText } from "../SweepText.ts"
import { errorOutput, jsonText, writeError, writeOut } from "../Terminal.ts"
import { wirePlan } from "../wirePlan.ts"
import { artifactsOption, stagesOption } from "./options.ts"

const options = {
  target: Options.text("target").pipe(
    Options.repeated,
    Options.withDescription("What to make: eval, report, a stage or a node; repeatable. Default eval"),
  ),
  dataset: Options.text("dataset").pipe(
    Options.repeated,
    Options.withDescription("synthetic, a folder, or a public name (beir/scifact); :question or :browse may follow"),
  ),
  quick: Options.boolean("quick").pipe(
    Options.withDescription("First stages alone: nothing is trained, nothing reranks"),
  ),
  config: Options.text("config").pipe(Options.optional, Options.withDescription("An experiment's configuration, JSON")),
  set: Options.text("set").pipe(
    Options.repeated,
    Options.withDescription("Change one setting: retrieve.bm25.k1=0.82; repeatable"),
  ),
  run: Options.text("run").pipe(
    Options.repeated,
    Options.withDescription("A run of another tool as a system of the table: name=path; repeatable"),
  ),
  shards: Options.integer("shards").pipe(
    Options.optional,
    Options.withDescription("In how many parts what models compute is divided: rerank.shards and encode.shards"),
  ),
  stages: stagesOption,
  device: Options.choice("device", DeviceChoice.literals).pipe(
    Options.optional,
    Options.withDescription(
      "Where models run; a device that is missing is an error, auto takes the best and says which",
    ),
  ),
  on: Options.text("on").pipe(
    Options.optional,
    Options.withDescription('For which machines models are planned: "cuda:NVIDIA H100 80GB HBM3", or here'),
  ),
  artifacts: artifactsOption,
  cacheSize: Options.text("cache-size").pipe(
    Options.optional,
    Options.withDescription("How large that folder may stay: 50GB"),
  ),
  executor: Options.text("executor").pipe(
    Options.withDefault("local"),
    Options.withDescription(
      "Who makes results: local (this process, the default), children (a process each), slurm or postgres://user@host/database",
    ),
  ),
  slurm: Options.text("slurm").pipe(
    Options.withDefault(""),
    Options.withDescription('Options for sbatch: "--partition=gpu --gres=gpu:1"'),
  ),
  needs: Options.text("needs").pipe(
    Options.repeated,
    Options.withDescription("What nodes need of a machine: rerank=gpu,mem=80; repeatable"),
  ),
  detach: Options.boolean("detach").pipe(
    Options.withDescription("Give Slurm or workers what is ready and leave: they go on with what follows"),
  ),
  jobs: Options.integer("jobs").pipe(
    Options.optional,
    Options.withDescription("How many stages may run at once. Default 2, and beside them a small training a core"),
  ),
  force: Options.text("force").pipe(
    Options.repeated,
    Options.withDescription("Run this stage or node although its result is stored; repeatable"),
  ),
  dryRun: Options.boolean("dry-run").pipe(
    Options.withDescription("Only say what would run and why; exits with 10 if anything would"),
  ),
  assertHit: Options.boolean("assert-hit").pipe(
    Options.withDescription("Fail, with 10, if anything would have to run"),
  ),
  explain: Options.boolean("explain").pipe(
    Options.withDescription("Say for each stage that runs what changed since its nearest earlier result"),
  ),
  graph: Options.choice("graph", ["mermaid", "dot", "json"]).pipe(
    Options.optional,
    Options.withDescription("Print the graph, coloured by what would run, and run nothing"),
  ),
  json: Options.boolean("json").pipe(Options.withDescription("Print one JSON document on standard output")),
  log: Options.choice("log", logModes).pipe(
    Options.withDefault("auto" as const),
    Options.withDescription("How progress is shown, on standard error"),
  ),
}

/** What models compute is what lasts. */
const inShards = (shards: number): ReadonlyArray<string> => [`rerank.shards=${shards}`, `encode.shards=${shards}`]

const worksToDo = (previews: ReadonlyArray<NodePreview>): ReadonlyArray<string> =>
  previews.filter(({ status }) => status === "run" || status === "undetermined").map(({ name }) => name)

/** Why each stage that runs does so, in full. */
const explanation = (nodes: ReadonlyArray<Pick<NodeReport | NodePreview, "name" | "status" | "reason">>): string =>
  nodes
    .filter(({ status }) => status !== "source" && status !== "hit")
    .map(({ name, reason }) => `${name}: ${renderReason(reason).join("\n  ")}`)
    .join("\n")

/** What would become of nodes, a line each; parts of one node of which the same would are one. */
const previewText = (previews: ReadonlyArray<NodePreview>, plan: Plan): string => {
  const shards = new Map(
    plan.nodes.flatMap(({ node }) =>
      node._tag === "StageNode" && node.shard ? [[node.name, node.shard] as const] : [],
    ),
  )
  const lines = new Map<string, { readonly preview: NodePreview; readonly name: string; parts: number; of: number }>()
  for (const preview of previews) {
    if (preview.status === "source") continue
    const { of = 0 } = shards.get(preview.name) ?? {}
    const name = of === 0 ? preview.name : joinedName(preview.name)
    const alike = of === 0 ? name : `${name} ${preview.status} of ${of}`
    const line = lines.get(alike) ?? { preview, name, parts: 0, of }
    line.parts++
    lines.set(alike, line)
  }
  const shown = [...lines.values()].map(({ name, of, parts, preview }) => ({
    preview,
    name: of === 0 ? name : parts === 1 ? preview.name : `${name}, ${formatCount(parts)} of ${formatCount(of)} parts`,
  }))
  const width = shown.reduce((widest, { name }) => Math.max(widest, displayWidth(name)), 0)
  return shown
    .map(
      ({ name, preview: { reason, status } }) =>
        `${paddedAfter(name, width)}  ${status.padEnd(12)}  ${reasonLine(reason)}`,
    )
    .join("\n")
}

/** About how long the work would take, one stage after the other, by what the stages' nearest results took; nothing without work. */
const expectation = (previews: ReadonlyArray<NodePreview>): string => {
  const work = previews.filter(({ status }) => status === "run" || status === "undetermined")
  if (work.length === 0) return "Nothing to do: every result is in the store."
  const known = work.flatMap(({ seconds }) => seconds ?? [])
  const stages = `${work.length} ${work.length === 1 ? "stage" : "stages"} to run`
  if (known.length === 0) return `${stages}; how long that takes is not known: this store has nothing like it.`
  const total = formatSeconds(known.reduce((sum, seconds) => sum + seconds, 0))
  const unknown = work.length - known.length
  return `${stages}, about ${total} of work by what the like took before${unknown === 0 ? "" : `; of ${unknown} it is not known`}.`
}

const decodeSummary = Schema.decodeUnknownSync(Schema.parseJson(EvaluationSummary))

/** What runs with a model: only such work makes anybody wait. */
const isNeural = (node: string): boolean => /^(?:model|tokenize|encode|train|rerank)\b/.test(node)

/** Says the figures of the systems that need no model once they are there, where others are still being made. */
const firstResultsTeller = ({ datasets }: WiredExperiment, say: (text: string) => void) => {
  const waiting: Array<string> = []
  let isWorking = false
  const table = (dataset: string, report: NodeReport): ReadonlyArray<string> => {
    const output = report.outputs["summary"]
    if (output === undefined) return []
    const summary = decodeSummary(readFileSync(join(output.path, "summary.json"), "utf8"))
    return [
      `First results, of the systems without a model; the whole table follows.\n\n${renderResultTable([{ dataset, summary }])}\n`,
    ]
  }
  return (event: RunEvent): void => {
    if (event._tag === "NodeStarted" && isNeural(event.node)) isWorking = true
    if (event._tag === "NodeFinished") {
      const of = datasets.find(({ first }) => first?.node.name === event.report.name)
      if (of !== undefined) waiting.push(...table(of.name, event.report))
    }
    if (isWorking) for (const text of waiting.splice(0)) say(text)
  }
}

/** Makes room in the folder before a shared store. */
const keepWithin = (bytes: number) =>
  Effect.gen(function* () {
    const report = yield* shrinkCache(bytes)
    if (report.stages.includes("evaluate")) yield* forgetScores
    const [other] = report.busy
    const over = other === undefined ? "what the last run made stays" : `${describeOwner(other)} uses it`
    if (report.objects > 0)
      yield* writeError(`· ${formatBytes(report.bytes)} left the local folder; they are pulled when needed\n`)
    if (report.keptBytes > bytes || other !== undefined) {
      yield* writeError(`! The local folder is not kept within ${formatBytes(bytes)}: ${over}\n`)
    }
  })

/** What a run that leaves says of what it left. */
const leftText = ({ nodes }: RunReport, executor: string): string => {
  const count = (tag: Reason["_tag"]) => nodes.filter(({ reason }) => reason._tag === tag).length
  const [given, waiting] = [count("Left"), count("WaitingFor")]
  const ready = `${formatCount(given)} ${given === 1 ? "stage was" : "stages were"} ready and given to`
  const [who, goes] = isPostgres(executor) ? ["workers", "who go"] : ["Slurm", "which goes"]
  const next = waiting === 0 ? "" : `, ${goes} on with ${formatCount(waiting)} more as they become ready`
  return `${ready} ${who}${next}. The same command without --detach shows how far they are, and waits for the table.\n`
}

/** The command itself: plans, runs, and prints the table. */
export const runCommand = Command.make("rankdag", options, (given) =>
  Effect.gen(function* () {
    const { artifacts, detach, needs, slurm } = given
    const isNamed = Option.isSome(given.on)
    const executor = yield* executorNamed(given.executor, { artifacts, detach, isNamed, needs, slurm })
    if (isNamed && Option.isSome(given.device)) {
      return yield* new UsageError({
        argument: "--on",
        problem: "--on names a device, so that --device is not needed.",
      })
    }
    if (detach && given.force.length > 0) {
      const problem =
        "--detach goes on by what is stored: --force would force again each time that it does. Force without it."
      return yield* new UsageError({ argument: "--force", problem })
    }
    const { isElsewhere } = executor
    const plannedFor = Option.match(given.on, {
      onNone: () => ({ isElsewhere }),
      onSome: (on) => ({ isElsewhere, on }),
    })
    const modules = [...Option.match(given.config, { onNone: () => [], onSome: extensionsOf }), ...given.stages]
    const { recipe, settings, wired } = yield* wirePlan(modules, given.run, plannedFor, {
      ...Option.match(given.config, { onNone: () => ({}), onSome: (configFile) => ({ configFile }) }),
      datasets: given.dataset,
      ...Option.match(given.device, { onNone: () => ({}), onSome: (device) => ({ device }) }),
      quick: given.quick,
      sets: [...given.set, ...Option.match(given.shards, { onNone: () => [], onSome: inShards })],
    })
    const cacheBytes = yield* Effect.transposeMapOption(given.cacheSize, (text) =>
      quantityOf("--cache-size", text, "size"),
    )
    const targets = given.target.length === 0 ? ["eval"] : given.target
    const names = wired.datasets.map(({ name }) => name)
    const whole = yield* makePlan(wired.targets)
    const plan: Plan = yield* selectTargets(whole, targets)
    yield* nodesNamed(plan, given.force)
    yield* nodesNamed(
      whole,
      needs.map((said) => said.slice(0, said.indexOf("="))),
    )
    const looksOnly = given.dryRun || Option.isSome(given.graph)

    const { services, store } = yield* runServices(given.artifacts, looksOnly)
    yield* Effect.gen(function* () {
      if (looksOnly || given.assertHit) {
        if (store.notice !== undefined) yield* writeError(`! ${store.notice}\n`)
        const previews = yield* preview(plan, { force: given.force })
        const work = worksToDo(previews)
        if (Option.isSome(given.graph)) {
          const states = new Map(previews.map(({ name, status }) => [name, status]))
          return yield* writeOut(renderGraph(plan, given.graph.value, states))
        }
        if (given.dryRun) {
          const swept = sweepText(settings, wired.datasets, wired.idleGrids, previews)
          const planned = yield* planTrainings(wired.datasets, previews)
          const listed = `${previewText(previews, plan)}\n\n${swept}${memoryText(planned)}${expectation(previews)}`
          const text = given.explain ? `${listed}\n\n${explanation(previews)}` : listed
          if (given.json)
            yield* writeOut(`${jsonText(previewDocument(targets, wired.datasets, previews, planned), 2)}\n`)
          else yield* writeOut(`${text.trimEnd()}\n`)
        }
        if (work.length > 0) return yield* new WorkFound({ nodes: work, shown: given.dryRun })
        if (given.dryRun) return
      }
      if (settings.grids !== undefined) {
        const previews = yield* preview(plan, { force: given.force })
        const swept = sweepText(settings, wired.datasets, wired.idleGrids, previews)
        yield* writeError(`${swept}${expectation(previews)}\n`)
      }
      const display = yield* Effect.acquireRelease(
        Effect.sync(() => makeRunDisplay(given.log, errorOutput)),
        (opened) => Effect.sync(opened.close),
      )
      const tellFirst = firstResultsTeller(wired, display.say)
      const report = yield* run(plan, {
        ...Option.match(given.jobs, { onNone: () => ({}), onSome: (jobs) => ({ jobs }) }),
        force: given.force,
        executor: executor.of(
          detach ? { ...recipe, left: { targets, needs, ...(slurm === "" ? {} : { slurm }) } } : recipe,
        ),
        onEvent: (event) => {
          display.onEvent(event)
          tellFirst(event)
        },
      })
      display.close()
      if (report.outcome === "left") return yield* writeError(leftText(report, given.executor))
      if (given.explain) {
        const text = explanation(report.nodes)
        yield* writeError(text === "" ? "Nothing ran: every result was in the store.\n" : `${text}\n`)
      }
      const summaries = yield* readSummaries(wired, settings.statistics.weighting, report)
      const catalog = yield* Effect.either(refreshCatalog(wired, report))
      const directory = isAbsolute(given.artifacts.directory)
        ? store.directory
        : relative(process.cwd(), store.directory)
      const pages = pagePaths(directory, plan, report)
      if (given.json) {
        yield* writeOut(`${jsonText(runDocument(targets, names, summaries, pages, report), 2)}\n`)
      } else if (summaries.length > 0) {
        yield* writeOut(`\n${renderResultTable(summaries)}\n${pages.map((page) => `\n${page}\n`).join("")}`)
      } else {
        for (const name of Object.values(plan.targets).flat()) {
          const node = report.nodes.find((each) => each.name === name)
          if (node !== undefined) yield* writeOut(`${name}  ${describeNode(node)}\n`)
        }
      }
      if (Option.isSome(cacheBytes)) yield* keepWithin(cacheBytes.value)
      // The results are what was asked for; that SQL does not see them yet is said after them.
      yield* catalog
    }).pipe(Effect.scoped, Effect.provide(services))
  }).pipe(Effect.scoped),
).pipe(
  Command.withDescription(
    "A laboratory for neural ranking: makes a table of systems and measures from a test collection",
  ),
)
