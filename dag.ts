/**
 * The roof: `npx tsx dag.ts --target eval`. Which stage feeds which stands in experiment.ts, the command line in cli/. This file
 * imports neither: Node loads every static import before the first statement runs, and through tsx all of Effect and the
 * stages' faces take a second, whatever is asked for. So they are started by the launcher, from a bundle that it keeps.
 */
import { launch } from "./cli/launch.ts"

await launch({
  root: import.meta.dirname,
  entry: "cli/main.ts",
  source: () => import("./cli/main.ts"),
  words: process.argv.slice(2),
})
