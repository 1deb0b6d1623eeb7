import * as Schema from "effect/Schema"

/** Weights are to be tuned and no dev query has results and judgements. */
export class NothingToTuneOn extends Schema.TaggedError<NothingToTuneOn>()("NothingToTuneOn", {
  system: Schema.String,
}) {
  override get message(): string {
    return `${this.system}: no query of the dev split has results and judgements to find weights by; give them: fuse[].weights`
  }
}

/** Why fusing failed. */
export type FuseError = NothingToTuneOn
