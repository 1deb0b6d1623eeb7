import { joinedName, type NodeReport, type Plan, type RunEvent } from "../pipeline/index.ts"
import { formatCount, formatSeconds } from "./Quantity.ts"

/** What is known of a divided node's parts. */
interface Parts {
  /** The node that joins them. */
  readonly node: string
  readonly of: number
  /** Since when one of them is at work; milliseconds. */
  since: number | undefined
  readonly working: Set<string>
  readonly counts: Record<NodeReport["status"], number>
  /** What each part that ran in this run has worked through, and all of them together. */
  readonly worked: Map<string, number>
  total: number
  unit: string
  readonly hosts: Set<string>
}

/** What parts count, of which the first that there is says how fast they go. */
const counted = ["pairs", "texts", "queries", "passages"] as const

const endings = [
  ["ran", "ran"],
  ["hit", "hit"],
  ["failed", "failed"],
  ["skipped", "skipped"],
] as const

/** `812 pairs/s`. */
const rateText = ({ since, total, unit }: Parts, now: number): ReadonlyArray<string> => {
  const seconds = (now - (since ?? now)) / 1000
  const rate = total / seconds
  return seconds > 0 && rate > 0
    ? [`${rate < 10 ? Number(rate.toFixed(1)) : formatCount(Math.round(rate))} ${unit}/s`]
    : []
}

const work = (parts: Parts, part: string, done: number, unit: string): void => {
  parts.total += done - (parts.worked.get(part) ?? 0)
  parts.worked.set(part, done)
  parts.unit = unit
}

const settled = ({ counts: { failed, hit, ran, skipped } }: Parts): number => failed + hit + ran + skipped

const glyphOf = ({ counts }: Parts): string =>
  counts.failed > 0 ? "✗" : counts.ran > 0 ? "✓" : counts.hit > 0 ? "=" : "-"

/**
 * Tells of a divided node's parts together: in place of each one's events how far all of them are, as progress of the node that joins
 * them, and in one line what became of them. What went wrong with a part is told by itself.
 *
 * @param tell is told what is left, and lasting lines with the node that each is of
 */
export const partsTold = (
  tell: {
    readonly event: (event: RunEvent) => void
    readonly line: (glyph: string, node: string, text: string) => void
  },
  now: () => number,
): ((event: RunEvent) => void) => {
  const byPart = new Map<string, Parts>()
  const byNode = new Map<string, Parts>()

  const learn = ({ nodes }: Plan): void => {
    for (const { dependencies, node } of nodes) {
      const parts = dependencies.flatMap((index) => {
        const { node: part } = nodes[index]!
        return part._tag === "StageNode" && part.shard !== undefined && node.name === joinedName(part.name)
          ? [part.name]
          : []
      })
      if (parts.length === 0) continue
      const known: Parts = {
        node: node.name,
        of: parts.length,
        since: undefined,
        working: new Set(),
        counts: { source: 0, hit: 0, ran: 0, failed: 0, skipped: 0 },
        worked: new Map(),
        total: 0,
        unit: "",
        hosts: new Set(),
      }
      byNode.set(node.name, known)
      for (const part of parts) byPart.set(part, known)
    }
  }

  const tellProgress = (parts: Parts): void => {
    if (parts.since === undefined) return
    const atWork = parts.working.size === 0 ? [] : [`${formatCount(parts.working.size)} at work`]
    const detail = [...atWork, ...rateText(parts, now())].join(" · ")
    tell.event({
      _tag: "NodeProgress",
      node: parts.node,
      progress: {
        done: settled(parts),
        resumedAt: parts.counts.hit,
        total: parts.of,
        unit: "parts",
        ...(detail === "" ? {} : { detail }),
      },
    })
  }

  const settle = (parts: Parts, report: NodeReport): void => {
    parts.working.delete(report.name)
    parts.counts[report.status]++
    if (report.status === "ran") {
      const unit = counted.find((name) => typeof report.facts[name] === "number")
      const count = unit === undefined ? undefined : report.facts[unit]
      if (!parts.worked.has(report.name) && unit !== undefined && typeof count === "number") {
        work(parts, report.name, count, unit)
      }
      if (report.madeBy !== undefined) parts.hosts.add(report.madeBy.host)
    }
    if (settled(parts) < parts.of) return tellProgress(parts)
    const became = endings.flatMap(([status, text]) =>
      parts.counts[status] === 0 ? [] : [`${formatCount(parts.counts[status])} ${text}`],
    )
    const time = parts.since === undefined ? [] : [formatSeconds((now() - parts.since) / 1000)]
    const machines = parts.hosts.size > 1 ? [`${parts.hosts.size} machines`] : []
    tell.line(
      glyphOf(parts),
      parts.node,
      [`${formatCount(parts.of)} parts`, became.join(", "), ...time, ...rateText(parts, now()), ...machines].join(
        " · ",
      ),
    )
  }

  return (event) => {
    if (event._tag === "PlanReady") learn(event.plan)
    const parts = "node" in event && event.node !== undefined ? byPart.get(event.node) : undefined
    switch (event._tag) {
      case "NodeStarted": {
        if (parts === undefined) {
          // The joining of what was told as progress of the same node.
          if (byNode.get(event.node)?.since === undefined) tell.event(event)
          return
        }
        parts.working.add(event.node)
        if (parts.since === undefined) {
          parts.since = now()
          tell.event({ ...event, node: parts.node })
        }
        return tellProgress(parts)
      }
      case "NodeProgress": {
        if (parts === undefined) return tell.event(event)
        const { done, resumedAt = 0, unit } = event.progress
        work(parts, event.node, done - resumedAt, unit)
        return tellProgress(parts)
      }
      case "NodeWaiting":
      case "NodeMoving":
      case "NodeMoved":
        return parts === undefined ? tell.event(event) : undefined
      case "NodeFinished":
      case "NodeSkipped": {
        const of = byPart.get(event.report.name)
        return of === undefined ? tell.event(event) : settle(of, event.report)
      }
      case "NodeFailed":
        tell.event(event)
        return parts === undefined ? undefined : settle(parts, event.report)
      default:
        return tell.event(event)
    }
  }
}
