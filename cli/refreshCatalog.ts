import * as Effect from "effect/Effect"
import type { WiredExperiment } from "../experiment.ts"
import { ArtifactStore, manifestAnywhere, type RunReport } from "../pipeline/index.ts"
import { isTableKind } from "../schemas/index.ts"
import { type CatalogContents, type CatalogProvenance, catalogViews, viewOf, writeCatalog } from "./Catalog.ts"
import { catalogShows, replaceCatalog, stampNewCatalog, storedScores } from "./CatalogFile.ts"
import { isHere, noteElsewhere } from "./TablesElsewhere.ts"

/** How a result came about, as its manifest has it; nothing for the user's own files and for what was not made. */
const provenanceIn = (store: ArtifactStore["Type"], stage: string | undefined, key: string | undefined) =>
  Effect.gen(function* () {
    const none: ReadonlyArray<Omit<CatalogProvenance, "node">> = []
    if (stage === undefined || key === undefined) return none
    const found = yield* manifestAnywhere(store, stage, key)
    if (found === undefined) return none
    const { key: document, facts, provenance } = found
    return [
      {
        stage,
        key,
        config: JSON.stringify(document.config),
        code: document.code.digest,
        packages: JSON.stringify({ ...document.packages, ...document.native }),
        facts: JSON.stringify(facts),
        run: provenance.run,
        startedAt: provenance.at,
        seconds: provenance.seconds,
        platform: provenance.platform,
        nodejs: provenance.nodejs,
      },
    ]
  })

/** Rewrites the catalog if it does not show this run already. */
export const refreshCatalog = ({ datasets, combined }: WiredExperiment, report: RunReport) =>
  Effect.gen(function* () {
    const store = yield* ArtifactStore
    const nodes = new Map(report.nodes.map((node) => [node.name, node]))
    const together = combined === undefined ? [] : [combined.comparisons]
    const named = [...datasets, { name: datasets.map(({ name }) => name).join(" + "), tables: together }]
    const all = named.flatMap(({ name, tables }) =>
      tables.flatMap(({ kind, node, output }) => {
        const report = nodes.get(node.name)
        const hash = report?.outputs[output]?.hash
        if (hash === undefined || !isTableKind(kind)) return []
        return [{ dataset: name, kind, hash, output, stage: report?.stage ?? "", key: report?.key ?? "" }]
      }),
    )
    // What lies in the remote alone is brought when it is asked for.
    const tables = store.remote === undefined ? all : all.filter(({ hash }) => isHere(store, hash))
    const places = all.flatMap(({ kind, ...table }) => {
      const view = viewOf(kind)
      return view === undefined ? [] : [{ ...table, view }]
    })
    // What decides whether the catalog is current; times and statuses of the stages alone do not make it stale.
    const shown = JSON.stringify([catalogViews, tables.map(({ dataset, kind, hash }) => [dataset, kind.name, hash])])
    const ran = report.nodes.some(({ status }) => status === "ran")
    if (!ran && catalogShows(store.directory, shown)) return
    const contents: CatalogContents = {
      tables,
      results: yield* storedScores,
      provenance: (yield* Effect.forEach(report.nodes, ({ name, stage, key }) =>
        Effect.map(provenanceIn(store, stage, key), (found) => found.map((record) => ({ ...record, node: name }))),
      )).flat(),
      stages: report.nodes
        .filter(({ status }) => status !== "source")
        .map(({ name, status, seconds, key, outputs }) => ({
          node: name,
          status,
          seconds,
          key: key ?? "",
          output: Object.values(outputs)
            .map(({ hash }) => hash)
            .join(" "),
        })),
    }
    yield* replaceCatalog(
      (file) => writeCatalog(store.directory, file, contents),
      (session) => Effect.zipRight(noteElsewhere(session, places), stampNewCatalog(session, shown)),
    )
  })
