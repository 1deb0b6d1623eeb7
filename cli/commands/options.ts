import * as Options from "@effect/cli/Options"

/** Modules of one's own. */
export const stagesOption = Options.text("stages").pipe(
  Options.repeated,
  Options.withDescription("Your own first stages, losses, measures …; repeatable"),
)

/** Where the store is. */
export const artifactsOption = Options.text("artifacts").pipe(
  Options.withDefault("artifacts"),
  Options.withDescription("The folder of the content-addressed store"),
)
