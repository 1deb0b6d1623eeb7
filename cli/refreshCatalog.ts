import { createHash } from "node:crypto"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import type { WiredExperiment } from "../experiment.ts"
import { ArtifactStore, type RunReport } from "../pipeline/index.ts"
import { isTableKind } from "../schemas/index.ts"
import { type CatalogContents, type CatalogProvenance, catalogPath, catalogViews, writeCatalog } from "./Catalog.ts"

/** How a result came about, as its manifest has it; nothing for the user's own files and for what was not made. */
const provenanceIn = (store: ArtifactStore["Type"], stage: string | undefined, key: string | undefined) =>
  Effect.gen(function* () {
    const none: ReadonlyArray<Omit<CatalogProvenance, "node">> = []
    if (stage === undefined || key === undefined) return none
    const found = yield* store.readManifest(stage, key)
    if (found._tag !== "Found") return none
    const { key: document, facts, provenance } = found.manifest
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
export const refreshCatalog = (artifacts: string, { datasets, combined }: WiredExperiment, report: RunReport) =>
  Effect.gen(function* () {
    const nodes = new Map(report.nodes.map((node) => [node.name, node]))
    const together = combined === undefined ? [] : [combined.comparisons]
    const named = [...datasets, { name: datasets.map(({ name }) => name).join(" + "), tables: together }]
    const tables = named.flatMap(({ name, tables }) =>
      tables.flatMap(({ kind, node, output }) => {
        const path = nodes.get(node.name)?.outputs[output]?.path
        return path === undefined || !isTableKind(kind) ? [] : [{ dataset: name, kind, path }]
      }),
    )
    // What decides whether the catalog is current; times and statuses of the stages alone do not make it stale.
    const shown = JSON.stringify([catalogViews, tables.map(({ dataset, kind, path }) => [dataset, kind.name, path])])
    const stamp = join(artifacts, "catalog.stamp")
    const digest = createHash("sha256").update(shown).digest("hex")
    const ran = report.nodes.some(({ status }) => status === "ran")
    if (!ran && existsSync(catalogPath(artifacts)) && existsSync(stamp) && readFileSync(stamp, "utf8") === digest)
      return
    const store = yield* ArtifactStore
    const manifests = yield* store.manifests("evaluate")
    const contents: CatalogContents = {
      tables,
      results: manifests.flatMap(({ actionKey, outputs, provenance }) => {
        const hash = outputs["scores"]?.hash
        return hash === undefined
          ? []
          : [{ result: actionKey.slice(0, 12), finishedAt: provenance.at, path: store.objectPath(hash) }]
      }),
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
    yield* Effect.scoped(writeCatalog(artifacts, contents))
    writeFileSync(stamp, digest)
  })
