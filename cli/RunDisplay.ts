import {
  type NodeReport,
  type Progress,
  type Reason,
  type RunEvent,
  type RunReport,
  renderReason,
} from "../pipeline/index.ts"
import { cutTo, displayWidth, paddedAfter } from "./DisplayWidth.ts"
import { partsTold } from "./PartsTold.ts"
import { formatBytes, formatCount, formatSeconds } from "./Quantity.ts"
import { Control, jsonText, type TerminalOutput } from "./Terminal.ts"

/** How a run is shown: redrawn lines on a terminal, a line per event, or a JSON object per event. */
export const logModes = ["auto", "tty", "plain", "json"] as const
export type LogMode = (typeof logModes)[number]

/** Shows a run's events as they happen. */
export interface RunDisplay {
  readonly onEvent: (event: RunEvent) => void
  /** Says something between the events, in lines of its own; not where each event is an object. */
  readonly say: (text: string) => void
  /** Leaves the terminal as it was found. */
  readonly close: () => void
}

/** A display that takes lines of a node. */
interface LineDisplay extends RunDisplay {
  readonly line: (glyph: string, node: string, text: string) => void
}

const plainProgressSeconds = 10
const redrawMilliseconds = 100

const amount = (value: number, unit: string): string =>
  unit === "bytes" ? formatBytes(value) : `${formatCount(value)} ${unit}`

/** `passages` → `passage`, `queries` → `query`. */
const one = (unit: string): string => unit.replace(/ies$/, "y").replace(/s$/, "")

/** `31,000/s`, `4.2/s`, and where one takes longer than a second `4.7 s a step`; nothing where nothing was done. */
const rateOf = (count: number, seconds: number, unit: string, named = ""): ReadonlyArray<string> => {
  if (count <= 0) return []
  const perSecond = count / Math.max(seconds, 1e-3)
  if (unit === "bytes") return [`${formatBytes(perSecond)}/s`]
  if (perSecond < 1) return [`${formatSeconds(1 / perSecond)} a ${one(unit)}`]
  return [`${perSecond < 10 ? Number(perSecond.toFixed(1)) : formatCount(perSecond)}${named}/s`]
}

/** `12,000 of 50,000 passages · 24% · 31,000/s · 1.2 s left · loss 0.41`. */
export const describeProgress = (progress: Progress, seconds: number): string => {
  const { done, resumedAt = 0, total, unit, detail } = progress
  const parts: Array<string> = []
  if (total === undefined || total <= 0) {
    parts.push(amount(done, unit))
  } else {
    parts.push(
      unit === "bytes"
        ? `${formatBytes(done)} of ${formatBytes(total)}`
        : `${formatCount(done)} of ${amount(total, unit)}`,
      `${Math.floor((100 * done) / total)}%`,
    )
  }
  parts.push(...rateOf(done - resumedAt, seconds, unit))
  if (total !== undefined && done > resumedAt && done < total) {
    parts.push(`${formatSeconds((seconds / (done - resumedAt)) * (total - done))} left`)
  }
  if (detail !== undefined) parts.push(detail)
  return parts.join(" · ")
}

/** What a stage that counts it among its facts is measured by. */
const rated = "pairs"

/** `9,812 pairs/s`, of a stage that says how many it worked on; without those that an earlier run, which was killed, had done. */
const rateText = ({ facts }: NodeReport, seconds: number): ReadonlyArray<string> => {
  const { [rated]: count, shards, shareBefore: before = 0 } = facts
  // What was joined took no time.
  if (shards !== undefined) return []
  if (typeof count !== "number" || typeof before !== "number" || seconds <= 0) return []
  return rateOf(count * (1 - before), seconds, rated, ` ${rated}`)
}

const outputsText = (report: NodeReport): string => {
  const counted = Object.entries(report.outputs).flatMap(([name, output]) =>
    output.rows === undefined ? [] : [`${name} ${formatCount(output.rows)}`],
  )
  const bytes = Object.values(report.outputs).reduce((sum, output) => sum + output.bytes, 0)
  return [...counted, formatBytes(bytes)].join(", ")
}

const mostDifferences = 3

/** Why a node runs, in one line: `changed since run …: config.k1: 0.9 → 0.82`. All that changed is told by `--explain`. */
export const reasonLine = (reason: Reason): string => {
  const [first = "", ...differences] = renderReason(reason)
  if (differences.length === 0) return first
  const more = differences.length - mostDifferences
  const shown = differences.slice(0, mostDifferences).map((difference) => difference.trim())
  return `${first} ${shown.join("; ")}${more > 0 ? ` and ${more} more` : ""}`
}

/** What became of a node, in one line. */
export const describeNode = (report: NodeReport): string => {
  switch (report.status) {
    case "source":
      return `read · ${outputsText(report)}`
    case "hit":
      return [
        "hit",
        ...(report.savedSeconds === undefined ? [] : [`saved ${formatSeconds(report.savedSeconds)}`]),
        outputsText(report),
        ...(report.reason._tag === "Hit" && report.reason.from !== undefined ? [`in ${report.reason.from}`] : []),
      ].join(" · ")
    case "ran":
      return ["ran", formatSeconds(report.seconds), ...rateText(report, report.seconds), outputsText(report)].join(
        " · ",
      )
    case "failed":
      return `failed · ${renderReason(report.reason).join(" ")}`
    case "skipped":
      return `skipped · ${renderReason(report.reason).join(" ")}`
  }
}

const endedAs = { succeeded: "", failed: "", interrupted: ", interrupted", left: ", left to others" } as const

/** `11 stages: 8 hit, 2 ran, 1 skipped · 3 m 12 s (saved 47 m 02 s)`. */
export const describeRun = (report: RunReport): string => {
  const stages = report.nodes.filter((node) => node.status !== "source")
  const counts = (["hit", "ran", "failed", "skipped"] as const).flatMap((status) => {
    const count = stages.filter((node) => node.status === status).length
    return count === 0 ? [] : [`${count} ${status}`]
  })
  const saved = stages.reduce((sum, node) => sum + (node.savedSeconds ?? 0), 0)
  const damaged = report.damaged.map(({ node }) => node)
  return [
    `${stages.length} ${stages.length === 1 ? "stage" : "stages"}${endedAs[report.outcome]}: ${counts.join(", ")} · ${formatSeconds(report.seconds)}`,
    saved > 0 ? ` (saved ${formatSeconds(saved)})` : "",
    damaged.length > 0 ? ` · damaged and dropped: ${damaged.join(", ")}` : "",
  ].join("")
}

const glyphs: Readonly<Record<NodeReport["status"], string>> = {
  source: "·",
  hit: "=",
  ran: "✓",
  failed: "✗",
  skipped: "-",
}

/** How far a transfer has come. */
const movingProgress = ({
  address,
  direction,
  done,
  total,
}: Extract<RunEvent, { readonly _tag: "NodeMoving" }>): Progress => ({
  done,
  total,
  unit: "bytes",
  detail: `${direction} ${direction === "pulled" ? "from" : "to"} ${address}`,
})

const nodeLine = (glyph: string, node: string, text: string, width: number): string =>
  `${glyph} ${paddedAfter(node, width)}  ${text}`

/** The lasting lines of an event; none for progress. */
const lines = (event: RunEvent, width: number): ReadonlyArray<string> => {
  const line = (glyph: string, node: string, text: string): string => nodeLine(glyph, node, text, width)
  switch (event._tag) {
    case "PlanReady":
    case "NodeProgress":
    case "NodeMoving":
      return []
    case "StoreNotice":
      return [`! ${event.message}`]
    case "NodeWaiting":
      return [
        line(
          "…",
          event.node ?? "store",
          `waits for ${event.owner === undefined ? "another process" : `process ${event.owner.process.pid} on ${event.owner.process.host}`}`,
        ),
      ]
    case "NodeStarted":
      return [line("▸", event.node, `started · ${reasonLine(event.reason)}`)]
    case "NodeWarning":
      return [line("!", event.node, event.message)]
    case "NodeFinished":
      return [line(glyphs[event.report.status], event.node, describeNode(event.report))]
    case "NodeFailed":
      return [line(glyphs.failed, event.node, "failed")]
    case "NodeSkipped":
      return [line(glyphs.skipped, event.node, describeNode(event.report))]
    case "NodeMoved": {
      const { address, bytes, direction, seconds } = event
      const text = `${direction} ${formatBytes(bytes)} ${direction === "pulled" ? "from" : "to"} ${address} · ${formatSeconds(seconds)}`
      return [line(direction === "pulled" ? "↓" : "↑", event.node, text)]
    }
    case "ArtifactDamaged":
      return [
        line(
          "!",
          event.node,
          `stored result damaged: ${event.damage.map((damage) => damage.file).join(", ")}; it is made again`,
        ),
      ]
    case "RunFinished":
      return [describeRun(event.report)]
  }
}

const nodeWidth = (event: RunEvent): number =>
  event._tag === "PlanReady"
    ? event.plan.nodes.reduce(
        (widest, { node }) =>
          // Of parts no line is written, but where one fails.
          node._tag === "StageNode" && node.shard !== undefined ? widest : Math.max(widest, displayWidth(node.name)),
        0,
      )
    : 0

const plainDisplay = (output: TerminalOutput, now: () => number): LineDisplay => {
  let width = 0
  const started = new Map<string, number>()
  const shown = new Map<string, number>()
  /** Since when something of a node is on its way. */
  const moving = new Map<string, number>()
  return {
    onEvent: (event) => {
      width = Math.max(width, nodeWidth(event))
      if (event._tag === "NodeStarted") {
        started.set(event.node, now())
        shown.set(event.node, now())
      }
      if (event._tag === "NodeProgress" && now() - (shown.get(event.node) ?? 0) >= plainProgressSeconds * 1000) {
        shown.set(event.node, now())
        const seconds = (now() - (started.get(event.node) ?? now())) / 1000
        output.write(`▸ ${paddedAfter(event.node, width)}  ${describeProgress(event.progress, seconds)}\n`)
      }
      if (event._tag === "NodeMoving") {
        const since = moving.get(event.node) ?? now()
        moving.set(event.node, since)
        if (!shown.has(event.node)) shown.set(event.node, now())
        if (now() - (shown.get(event.node) ?? since) >= plainProgressSeconds * 1000) {
          const text = describeProgress(movingProgress(event), (now() - since) / 1000)
          output.write(`▸ ${paddedAfter(event.node, width)}  ${text}\n`)
          shown.set(event.node, now())
        }
      }
      if (event._tag === "NodeMoved") moving.delete(event.node)
      for (const line of lines(event, width)) output.write(`${line}\n`)
    },
    say: (text) => output.write(`${text}\n`),
    line: (glyph, node, text) => output.write(`${nodeLine(glyph, node, text, width)}\n`),
    close: () => {},
  }
}

const jsonDisplay = (output: TerminalOutput): RunDisplay => ({
  onEvent: (event) => {
    const told =
      event._tag === "PlanReady"
        ? { ...event, plan: { nodes: event.plan.nodes.map(({ node }) => node.name), targets: event.plan.targets } }
        : event._tag === "NodeFailed"
          ? { ...event, error: { _tag: event.error._tag, message: event.error.message } }
          : event
    output.write(`${jsonText(told)}\n`)
  },
  say: () => {},
  close: () => {},
})

const ttyDisplay = (output: TerminalOutput, now: () => number): LineDisplay => {
  interface Running {
    readonly since: number
    progress?: Progress
    /** Whether something of it is on its way, and it does not run. */
    readonly moves?: boolean
  }
  const running = new Map<string, Running>()
  let width = 0
  let drawn = 0
  let lastDraw = 0
  const frames = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
  const erase = (): ReadonlyArray<Control> => (drawn === 0 ? [] : [new Control(`\u001b[${drawn}A\u001b[0J`)])
  const draw = (lasting: ReadonlyArray<string>): void => {
    // A terminal that does not know its width says 0.
    const columns = output.columns === undefined || output.columns === 0 ? 100 : output.columns
    const live = [...running].map(([node, { since, progress }]) => {
      const seconds = (now() - since) / 1000
      const frame = frames[Math.floor(now() / redrawMilliseconds) % frames.length]!
      const text = progress === undefined ? "running" : describeProgress(progress, seconds)
      // One line of the terminal each, so that redrawing counts lines rightly.
      return cutTo(
        `${frame} ${paddedAfter(node, width)}  ${text} · ${formatSeconds(seconds)}`.replaceAll(/\s/g, " "),
        columns - 1,
      )
    })
    output.write([...erase(), ...[...lasting, ...live].map((line) => `${line}\n`)])
    drawn = live.length
    lastDraw = now()
  }
  const timer = setInterval(() => {
    if (running.size > 0) draw([])
  }, redrawMilliseconds)
  timer.unref()
  return {
    onEvent: (event) => {
      width = Math.max(width, nodeWidth(event))
      switch (event._tag) {
        case "NodeStarted":
          running.set(event.node, { since: now() })
          return draw([])
        case "NodeProgress": {
          const state = running.get(event.node)
          if (state !== undefined) state.progress = event.progress
          if (now() - lastDraw >= redrawMilliseconds) draw([])
          return
        }
        case "NodeMoving": {
          const state: Running = running.get(event.node) ?? { since: now(), moves: true }
          running.set(event.node, state)
          state.progress = movingProgress(event)
          if (now() - lastDraw >= redrawMilliseconds) draw([])
          return
        }
        case "NodeMoved":
          if (running.get(event.node)?.moves === true) running.delete(event.node)
          return draw(lines(event, width))
        case "NodeFinished":
        case "NodeFailed":
        case "NodeSkipped":
          running.delete(event.node)
          return draw(lines(event, width))
        default: {
          const lasting = lines(event, width)
          if (lasting.length > 0) draw(lasting)
        }
      }
    },
    say: (text) => draw(text.split("\n")),
    line: (glyph, node, text) => draw([nodeLine(glyph, node, text, width)]),
    close: () => {
      clearInterval(timer)
      running.clear()
      if (drawn > 0) draw([])
    },
  }
}

/** Makes the display for a mode; `auto` redraws on a terminal and writes plain lines elsewhere. */
export const makeRunDisplay = (
  mode: LogMode,
  output: TerminalOutput,
  now: () => number = performance.now.bind(performance),
) => {
  const resolved = mode === "auto" ? (output.isTTY === true ? "tty" : "plain") : mode
  switch (resolved) {
    case "tty":
      return withParts(ttyDisplay(output, now), now)
    case "plain":
      return withParts(plainDisplay(output, now), now)
    case "json":
      return jsonDisplay(output)
  }
}

/** The same for people, who are told of a divided node's parts together. */
const withParts = (display: LineDisplay, now: () => number): RunDisplay => ({
  ...display,
  onEvent: partsTold({ event: display.onEvent, line: display.line }, now),
})
