import * as Schema from "effect/Schema"
import { causeText } from "../../schemas/index.ts"

/** The page's own code cannot be bundled. */
export class PageNotBuilt extends Schema.TaggedError<PageNotBuilt>()("PageNotBuilt", { cause: Schema.Defect }) {
  override get message(): string {
    return `The code of the report's page cannot be bundled, which is a bug or a package that is missing (run npm ci): ${causeText(this.cause)}`
  }
}

/** The page cannot be written. */
export class PageNotWritten extends Schema.TaggedError<PageNotWritten>()("PageNotWritten", {
  file: Schema.String,
  cause: Schema.Defect,
}) {
  override get message(): string {
    return `Cannot write the report ${this.file}: ${causeText(this.cause)}`
  }
}

/** An input is not what its kind promises. */
export class ReportInputUnreadable extends Schema.TaggedError<ReportInputUnreadable>()("ReportInputUnreadable", {
  /** The node that made it. */
  from: Schema.String,
  problem: Schema.String,
}) {
  override get message(): string {
    return `The report cannot read what ${this.from} made: ${this.problem}. \`npx tsx dag.ts verify\` says whether it is damaged.`
  }
}

/** Everything that can go wrong while a report is made, besides DuckDB. */
export type ReportError = PageNotBuilt | PageNotWritten | ReportInputUnreadable
