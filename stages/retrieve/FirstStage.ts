import * as Schema from "effect/Schema"
import type { Artifact } from "../../pipeline/index.ts"
import type { Kinds } from "../../schemas/index.ts"
import type { Asked } from "./contract.ts"

/** What a first stage is wired to. */
export interface SearchGround {
  readonly passages: Artifact<Kinds.Passages>
  readonly queries: Artifact<Kinds.Queries>
  /** Our inverted index of the passages; it is built where something reads it. */
  readonly index: Artifact<Kinds.Bm25Index>
  /** Tells apart the nodes of several collections. */
  readonly label: string
}

/** A first stage as the configuration names it; `registry.ts` lists it. */
export interface FirstStage {
  /** Its system's name in the table. */
  readonly name: string
  /** Its settings' name under `retrieve`. */
  readonly section: string
  /** One line for people. */
  readonly description: string
  /** A struct of settings, each with a default. */
  readonly settings: Schema.Schema.AnyNoContext
  /** Whether a collection of any size is asked where the user names no systems; otherwise one of up to 100 MB. */
  readonly anySize: boolean
  /** Wires it. `settings` are of its section, defaults filled in. */
  readonly wire: (settings: unknown, asked: Asked, ground: SearchGround) => Artifact<Kinds.Run>
}

/** What a first stage is made from. */
export interface FirstStageSpec<A, I> {
  readonly name: string
  /** Left out, the name. */
  readonly section?: string
  readonly description: string
  readonly settings: Schema.Schema<A, I>
  /** Default no. */
  readonly anySize?: boolean
  readonly wire: (config: A & Asked, ground: SearchGround) => Artifact<Kinds.Run>
}

/** Makes a first stage from its settings and the stage that searches. */
export const defineFirstStage = <A, I>(spec: FirstStageSpec<A, I>): FirstStage => {
  const { anySize = false, description, name, section = name, settings, wire } = spec
  const decode = Schema.decodeUnknownSync(Schema.typeSchema(settings))
  return {
    name,
    section,
    description,
    settings,
    anySize,
    wire: (given, asked, ground) => wire({ ...decode(given), ...asked }, ground),
  }
}
