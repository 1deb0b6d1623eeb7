import * as Options from "@effect/cli/Options"

/** Where the store is. */
export const artifactsOption = Options.text("artifacts").pipe(
  Options.withDefault("artifacts"),
  Options.withDescription("The folder of the content-addressed store"),
)
