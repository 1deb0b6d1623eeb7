import * as Schema from "effect/Schema"
import { type Artifact, stage } from "../../pipeline/index.ts"
import { type Kinds, SystemName } from "../../schemas/index.ts"
import { RerankOutsideConfig, rerankOutputs, rerankOutsideInputs } from "./contract.ts"
import { broughtRerankers } from "./outsideRerankers.ts"

/** Candidates in the order of the scores that a reranker from outside gives them. */
export const rerankOutside = stage({
  name: "rerank.outside",
  config: RerankOutsideConfig,
  inputs: rerankOutsideInputs,
  outputs: rerankOutputs,
  code: "stages/rerank/rerankOutside.ts",
  load: () => import("./rerankOutside.ts"),
  native: ["duckdb"],
})

/** What rerankers from outside are wired to. */
export interface OutsideGround {
  readonly candidates: Artifact<Kinds.Candidates>
  readonly queries: Artifact<Kinds.Queries>
  readonly passages: Artifact<Kinds.Passages>
}

const decodeConfig = Schema.decodeUnknownSync(RerankOutsideConfig)

/**
 * Wires every reranker that was brought.
 *
 * @param settings those of `rerank`, each reranker's under its name
 */
export const wireOutsideRerankers = (settings: object, ground: OutsideGround, label: string) => {
  const own = new Map<string, unknown>(Object.entries(settings))
  return broughtRerankers.all().map(({ definition: { encode, name }, digest }) => {
    const config = decodeConfig({ system: name, settings: encode(own.get(name)), code: digest })
    return { system: SystemName.make(name), run: rerankOutside(config, ground, `${name}${label}`).run }
  })
}
