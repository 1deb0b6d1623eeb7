import * as Schema from "effect/Schema"
import { QueryKind } from "../../schemas/index.ts"
import { Layout } from "./Layout.ts"

/** What reading a collection depends on, beside its bytes. */
export const IngestConfig = Schema.Struct({
  layout: Layout,
  kind: Schema.optionalWith(QueryKind, { exact: true }),
  strict: Schema.Boolean,
})
export type IngestConfig = typeof IngestConfig.Type
