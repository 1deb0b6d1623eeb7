/** Where candidates come from: a first stage, a run, a fusion of them, or several together. */
import * as Data from "effect/Data"
import { type NamedRun, UnknownRun, wireFusion } from "./fusions.ts"
import { PassagesUnsuitable } from "./passages.ts"
import type { Artifact } from "./pipeline/index.ts"
import type { Kinds } from "./schemas/index.ts"
import type { Experiment } from "./settings.ts"
import { candidates, candidatesUnion } from "./stages/candidates/index.ts"

/** Candidates are asked of a fusion that is made of what reranks them. */
export class FusionUnsuitable extends Data.TaggedError("FusionUnsuitable")<{
  readonly setting: string
  readonly fusion: string
  /** The part of it that is not there before. */
  readonly system: string
}> {
  override get message(): string {
    return `${this.setting}: the fusion ${this.fusion} is made of ${this.system}, which is not there before the candidates are. Candidates come from fusions of first stages, of runs that --run brings, and of such fusions.`
  }
}

/** What candidates can come from. */
export interface CandidatesGround {
  /** First stages and runs, as they are. */
  readonly searched: ReadonlyArray<NamedRun>
  /** Fusions of their rankings of documents. */
  readonly fusions: ReadonlyMap<string, NamedRun>
  /** The run of a first stage that is no system of the table, where there is one, and what first stages there are. */
  readonly unlisted: (name: string) => {
    readonly run: Artifact<Kinds.Run> | undefined
    readonly known: ReadonlyArray<string>
  }
  /** Whether what is reranked are passages of documents. */
  readonly splits: boolean
  readonly queries: Artifact<Kinds.Queries>
  /** Of what is reranked. */
  readonly qrels: Artifact<Kinds.Qrels>
  /** Tells apart the nodes of several collections. */
  readonly label: string
}

/** Candidates, and what their source is called. */
export interface WiredCandidates {
  readonly candidates: Artifact<Kinds.Candidates>
  readonly from: string
}

/**
 * Wires the candidates that rerankers get.
 *
 * @throws UnknownRun, PassagesUnsuitable
 */
export const wireCandidates = (
  { candidates: { depth, from, union }, fuse }: Pick<Experiment, "candidates" | "fuse">,
  { fusions, label, qrels, queries, searched, splits, unlisted }: CandidatesGround,
): WiredCandidates => {
  const searchedRun = (setting: string, name: string): Artifact<Kinds.Run> => {
    const source = searched.find(({ system }) => system === name)
    if (source !== undefined && (source.overPassages === true) !== splits) {
      throw new PassagesUnsuitable({
        setting,
        problem: splits
          ? `the run ${name} is over documents, and what is reranked are passages`
          : `the run ${name} is over passages, and the collection is not split into them`,
        remedy: splits
          ? "Name a first stage, or a run over these passages in passages.runs."
          : "Set passages.window and passages.stride as the run's passages were made.",
      })
    }
    if (source !== undefined) return source.run
    const { known, run } = unlisted(name)
    if (run !== undefined) return run
    const names = [...searched.map(({ system }) => system), ...known, ...fuse.map((fusion) => fusion.name)]
    throw new UnknownRun({ setting, system: name, known: [...new Set(names)] })
  }
  const wired = new Map<string, Artifact<Kinds.Run>>()
  const runOf = (setting: string, name: string): Artifact<Kinds.Run> => {
    const run = wired.get(name) ?? newRunOf(setting, name)
    wired.set(name, run)
    return run
  }
  const newRunOf = (setting: string, name: string): Artifact<Kinds.Run> => {
    const fusion = fuse.find((each) => each.name === name)
    if (fusion === undefined || searched.some(({ system }) => system === name)) return searchedRun(setting, name)
    const ofDocuments = fusions.get(name)
    if (ofDocuments === undefined) {
      const early = [...searched.map(({ system }) => system), ...fusions.keys()]
      const late = fusion.systems.find((system) => !early.includes(system)) ?? name
      throw new FusionUnsuitable({ setting, fusion: name, system: late })
    }
    if (!splits) return ofDocuments.run
    // What is reranked are passages: their rankings are fused, not those of their documents.
    const parts = fusion.systems.map((system) => ({ system, run: runOf(setting, system) }))
    return wireFusion(fusion, parts, { queries, qrels }, `.passages${label}`).run
  }
  if (union === undefined) {
    const run = runOf("candidates.from", from)
    return { candidates: candidates({ depth }, { run, qrels }, label).candidates, from }
  }
  const runs = union.map((name) => runOf("candidates.union", name))
  return { candidates: candidatesUnion({ depth, systems: union }, { runs, qrels }, label).candidates, from: "union" }
}

/** A first stage's run, or none where none is called so, and what there are. */
type Search = (name: string) => { readonly run: Artifact<Kinds.Run> | undefined; readonly known: ReadonlyArray<string> }

/**
 * Wires the run of the train queries, from which lists are made: of a first stage, or of a fusion of first stages.
 *
 * @throws UnknownRun, FusionUnsuitable
 */
export const wireTrainRun = (
  { fuse, train }: Pick<Experiment, "fuse" | "train">,
  label: string,
  judged: { readonly queries: Artifact<Kinds.Queries>; readonly qrels: Artifact<Kinds.Qrels> },
  search: Search,
): Artifact<Kinds.Run> => {
  const setting = "train.lists.from"
  const wired = new Map<string, Artifact<Kinds.Run>>()
  const runOf = (name: string, within: ReadonlyArray<string>): Artifact<Kinds.Run> => {
    const known = wired.get(name)
    if (known !== undefined) return known
    const { known: firstStages, run: searched } = search(name)
    const run = searched ?? fused(name, within, firstStages)
    wired.set(name, run)
    return run
  }
  const fused = (name: string, within: ReadonlyArray<string>, firstStages: ReadonlyArray<string>) => {
    const fusion = fuse.find((each) => each.name === name)
    if (fusion === undefined || within.includes(name)) {
      const own = within.at(-1)
      throw own === undefined
        ? new UnknownRun({ setting, system: name, known: [...firstStages, ...fuse.map((each) => each.name)] })
        : new FusionUnsuitable({ setting, fusion: own, system: name })
    }
    // Weights that are tuned are so on dev queries, which are not among these.
    if (fusion.method === "weighted" && fusion.weights === undefined) {
      throw new FusionUnsuitable({ setting, fusion: name, system: "weights that are tuned on the dev split" })
    }
    const parts = fusion.systems.map((system) => ({ system, run: runOf(system, [...within, name]) }))
    return wireFusion(fusion, parts, judged, label.startsWith("@") ? label : `-${label}`).run
  }
  return runOf(train.lists.from, [])
}
