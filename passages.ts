/**
 * How an experiment's passages come from its documents and their scores go back to them: the part of the wiring that is there where
 * the settings split or fold.
 *
 * ```text
 *  passages ─┬─ passages.split ── index, candidates, tokens, training (over passages)
 *  qrels ────┘                                 │
 *             run over passages ── passages.fold ── run over documents: evaluated, mixed, fused, exported
 * ```
 */
import * as Data from "effect/Data"
import type { Artifact } from "./pipeline/index.ts"
import type { Kinds, PassageSettings } from "./schemas/index.ts"
import { foldCandidates, foldRun, splitDocuments } from "./stages/passages/index.ts"

/** What the settings of passages ask for cannot be. */
export class PassagesUnsuitable extends Data.TaggedError("PassagesUnsuitable")<{
  readonly setting: string
  readonly problem: string
  readonly remedy: string
}> {
  override get message(): string {
    return `${this.setting}: ${this.problem}. ${this.remedy}`
  }
}

/** A collection's documents, whose qrels are of them. */
interface Documents {
  readonly passages: Artifact<Kinds.Passages>
  readonly qrels: Artifact<Kinds.Qrels>
  readonly leaveOutOwn: boolean
}

/** What a collection is searched as, and how its scores come back to documents. */
export interface WiredPassages {
  /** What is searched, reranked and trained on: passages with their documents' grades, or the documents themselves. */
  readonly ground: Pick<Documents, "passages" | "qrels">
  /** Whether documents are split. */
  readonly splits: boolean
  /** A run over passages as one over documents. */
  readonly fold: (run: Artifact<Kinds.Run>, system: string) => Artifact<Kinds.Run>
  /** Candidates of the ground as documents, with their own grades. */
  readonly candidates: (ofGround: Artifact<Kinds.Candidates>) => Artifact<Kinds.Candidates>
  /** What is to be said beside every figure. */
  readonly note: string | undefined
}

const foldWords = {
  max: "best",
  first: "first ranked",
  mean: "ranked passages' mean",
  sum: "ranked passages' sum",
} as const

const noteOf = ({ fold, window }: PassageSettings, runs: ReadonlyArray<string>, stride: number): string => {
  const of = fold === "max" || fold === "first" ? `its ${foldWords[fold]} passage's` : `its ${foldWords[fold]}`
  const which = window === undefined ? `of ${runs.join(", ")} ` : ""
  const how = window === undefined ? "" : `; a passage is ${window} words, the next begins after ${stride}`
  return `results ${which}are documents, the score of each is ${of}${how}`
}

/**
 * Refuses names of runs that none is called by.
 *
 * @throws PassagesUnsuitable
 */
export const checkPassageRuns = (settings: PassageSettings | undefined, imported: ReadonlyArray<string>): void => {
  const unknown = settings?.runs.find((run) => !imported.includes(run))
  if (unknown === undefined) return
  const known = imported.length === 0 ? "none is given" : `there are ${imported.join(", ")}`
  throw new PassagesUnsuitable({
    setting: "passages.runs",
    problem: `no run is called «${unknown}»; ${known}`,
    remedy: "Name runs that --run name=path brings.",
  })
}

/**
 * Wires the splitting and folding of a collection; without settings nothing is.
 *
 * @param imported names of the runs that `--run` gives
 * @throws PassagesUnsuitable
 */
export const wirePassages = (
  settings: PassageSettings | undefined,
  { leaveOutOwn, passages, qrels }: Documents,
  imported: ReadonlyArray<string>,
  trains: boolean,
  label: string,
): WiredPassages => {
  const runs = settings?.runs.filter((run) => imported.includes(run)) ?? []
  if (settings === undefined || (settings.window === undefined && runs.length === 0)) {
    const asTheyAre = <A>(what: A): A => what
    return { ground: { passages, qrels }, splits: false, fold: asTheyAre, candidates: asTheyAre, note: undefined }
  }
  const { fold, separator, window } = settings
  const stride = settings.stride ?? Math.ceil((window ?? 1) / 2)
  const refuse = (setting: string, problem: string, remedy: string) =>
    new PassagesUnsuitable({ setting: `passages.${setting}`, problem, remedy })
  if (window !== undefined && stride > window) {
    const problem = `${stride} words from one passage to the next, of ${window} words each, leave words out`
    throw refuse("stride", problem, "Let it be the window's words at most.")
  }
  if (window !== undefined && leaveOutOwn && trains) {
    const problem = "queries' own documents are left out, and training would take their passages for negatives"
    throw refuse("window", problem, "Train without passages, or set retrieve.leaveOutOwn to false.")
  }
  const how = { fold, separator, leaveOutOwn }
  const foldedRun = (run: Artifact<Kinds.Run>, system: string) => foldRun(how, { run }, `${system}${label}`).run
  const note = noteOf(settings, runs, stride)
  if (window === undefined) {
    return { ground: { passages, qrels }, splits: false, fold: foldedRun, candidates: (same) => same, note }
  }
  return {
    ground: splitDocuments({ window, stride, separator }, { documents: passages, qrels }, label),
    splits: true,
    fold: foldedRun,
    candidates: (candidates) => foldCandidates(how, { candidates, qrels }, label).candidates,
    note,
  }
}
