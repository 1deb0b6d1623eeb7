import { createHash } from "node:crypto"
import type { NodePreview, NodeReport, RunReport } from "../pipeline/index.ts"
import { renderReason } from "../pipeline/index.ts"
import type { Sweep } from "../schemas/index.ts"
import type { PlannedSystem } from "./MemoryText.ts"
import type { DatasetSummary } from "./ResultTable.ts"

/** One name, or the list where there are several. */
const oneOrAll = (names: ReadonlyArray<string>): string | ReadonlyArray<string> =>
  names.length === 1 ? names[0]! : names

/** One hash for a node: its output's, or a hash over the hashes of its outputs where it has several. */
const outputHash = (outputs: NodeReport["outputs"]): string | undefined => {
  const hashes = Object.entries(outputs)
    .map(([name, { hash }]) => `${name} ${hash}`)
    .sort()
  if (hashes.length <= 1) return Object.values(outputs)[0]?.hash
  return createHash("sha256").update(hashes.join("\n")).digest("hex")
}

/** Rounded to microseconds: what a clock of this kind knows. */
const seconds = (value: number): number => Math.round(value * 1e6) / 1e6

const outputHashes = (outputs: NodeReport["outputs"]) =>
  Object.fromEntries(Object.entries(outputs).map(([name, { hash, rows, bytes }]) => [name, { hash, rows, bytes }]))

/** The document of `--json`: the table's rows, the pages that were asked for and what became of each stage. */
export const runDocument = (
  targets: ReadonlyArray<string>,
  datasets: ReadonlyArray<string>,
  summaries: ReadonlyArray<DatasetSummary>,
  pages: ReadonlyArray<string>,
  report: RunReport,
): unknown => ({
  target: oneOrAll(targets),
  dataset: oneOrAll(datasets),
  systems: summaries.flatMap(({ dataset, summary }) => summary.systems.map((row) => ({ dataset, ...row }))),
  candidates: summaries.flatMap(({ dataset, summary }) => summary.candidates.map((row) => ({ dataset, ...row }))),
  sweeps: summaries.flatMap(({ dataset, summary }) => summary.sweeps.map((sweep) => ({ dataset, ...sweep }))),
  pages,
  notes: summaries.flatMap(({ dataset, summary }) => summary.notes.map((note) => ({ dataset, ...note }))),
  significance: summaries.flatMap(({ dataset, significance }) =>
    significance === undefined ? [] : [{ dataset, ...significance }],
  ),
  stages: report.nodes
    .filter((node) => node.status !== "source")
    .map((node) => ({
      name: node.name,
      status: node.status,
      seconds: seconds(node.seconds),
      output: outputHash(node.outputs),
      outputs: outputHashes(node.outputs),
      key: node.key,
      reason: renderReason(node.reason),
      warnings: node.warnings,
      facts: node.facts,
      ...(node.madeBy === undefined ? {} : { madeBy: node.madeBy }),
    })),
  run: report.run,
  seconds: seconds(report.seconds),
})

/** The document of `--dry-run --json`. */
export const previewDocument = (
  targets: ReadonlyArray<string>,
  datasets: ReadonlyArray<{ readonly name: string; readonly sweeps: ReadonlyArray<Sweep> }>,
  previews: ReadonlyArray<NodePreview>,
  planned: ReadonlyArray<PlannedSystem>,
): unknown => ({
  target: oneOrAll(targets),
  dataset: oneOrAll(datasets.map(({ name }) => name)),
  trainings: planned.map(({ plan, system }) =>
    "unknown" in plan
      ? { system, unknown: plan.unknown }
      : {
          system,
          bytes: plan.memory,
          available: plan.available,
          less: plan.remedies.map(({ memory, settings }) => ({ settings, host: memory.host, device: memory.device })),
        },
  ),
  sweeps: datasets.flatMap(({ name, sweeps }) => sweeps.map((sweep) => ({ dataset: name, ...sweep }))),
  stages: previews
    .filter((node) => node.status !== "source")
    .map((node) => ({
      name: node.name,
      status: node.status,
      seconds: node.seconds,
      output: outputHash(node.outputs),
      key: node.key,
      reason: renderReason(node.reason),
    })),
})
