/** Systems made of others: which runs are fused, and when. */
import * as Data from "effect/Data"
import type { Artifact } from "./pipeline/index.ts"
import { didYouMean, type FusionSettings, type Kinds, type SystemName } from "./schemas/index.ts"
import { fuse } from "./stages/fuse/index.ts"
import type { Swept } from "./sweep.ts"

/** A ranking and its name in the table. */
export interface NamedRun {
  readonly system: string
  /** What it would be called without its seed, where there are several. */
  readonly repeated?: SystemName | undefined
  /** What it is as a point of a sweep. */
  readonly swept?: Swept | undefined
  readonly run: Artifact<Kinds.Run>
  /** Whether its docids are passages' of the collection's documents. */
  readonly overPassages?: boolean
}

/** Candidates, or a fusion, are asked of a system that is none of the experiment's. */
export class UnknownRun extends Data.TaggedError("UnknownRun")<{
  readonly setting: string
  readonly system: string
  readonly known: ReadonlyArray<string>
}> {
  override get message(): string {
    return `${this.setting}: no run is called «${this.system}»; there are ${this.known.join(", ")}.${didYouMean(this.system, this.known)} Other tools' runs come in by --run name=path.`
  }
}

/** What tunes a fusion. */
interface Judged {
  readonly queries: Artifact<Kinds.Queries>
  readonly qrels: Artifact<Kinds.Qrels>
}

/** A fusion of runs that are wired already. */
export const wireFusion = (
  { name, systems, ...how }: FusionSettings,
  before: ReadonlyArray<NamedRun>,
  { queries, qrels }: Judged,
  label: string,
): NamedRun => {
  const runs = systems.map((system) => {
    const found = before.find((each) => each.system === system)
    if (found === undefined) {
      throw new UnknownRun({ setting: `fuse ${name}`, system, known: before.map((each) => each.system) })
    }
    return found.run
  })
  return { system: name, run: fuse({ ...how, system: name }, { runs, queries, qrels }, `${name}${label}`).run }
}

/** The fusions of what is there before anything is reranked, by name: candidates can come from them. */
export const wireEarlyFusions = (
  fusions: ReadonlyArray<FusionSettings>,
  given: ReadonlyArray<NamedRun>,
  judged: Judged,
  label: string,
): ReadonlyMap<string, NamedRun> => {
  const early = new Map<string, NamedRun>()
  for (const fusion of fusions) {
    const before = [...given, ...early.values()]
    if (fusion.systems.every((name) => before.some(({ system }) => system === name))) {
      early.set(fusion.name, wireFusion(fusion, before, judged, label))
    }
  }
  return early
}
