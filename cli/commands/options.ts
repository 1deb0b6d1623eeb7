import * as Options from "@effect/cli/Options"
import * as Option from "effect/Option"
import type { StorePlace } from "../../pipeline/index.ts"
import { storePlace, usualFolder } from "../storePlace.ts"

/** Modules of one's own. */
export const stagesOption = Options.text("stages").pipe(
  Options.repeated,
  Options.withDescription("Your own first stages, losses, measures …; repeatable"),
)

/** Where the store is. */
export const artifactsOption: Options.Options<StorePlace> = Options.all({
  artifacts: Options.text("artifacts").pipe(
    Options.withDefault(usualFolder),
    Options.withDescription("The store: a folder (artifacts) or s3://bucket/prefix"),
  ),
  cache: Options.text("cache").pipe(
    Options.optional,
    Options.withDescription("The local folder before a shared store"),
  ),
  insecure: Options.boolean("insecure").pipe(Options.withDescription("Ask S3 by http beyond this machine too")),
}).pipe(Options.map(({ cache, ...named }) => storePlace({ ...named, cache: Option.getOrUndefined(cache) })))
