import type { Analysis } from "./Analyzer.ts"
import type { AnalyzerName } from "./contract.ts"
import { english } from "./EnglishAnalyzer.ts"

/** Every analysis, by what the settings call it. */
export const analyses: Readonly<Record<AnalyzerName, Analysis>> = { english }

const byName = new Map<string, Analysis>(Object.values(analyses).map((analysis) => [analysis.name, analysis]))

/**
 * The analysis that an index was made with.
 *
 * @throws RangeError for one that this version does not have
 */
export const analysisNamed = (name: string): Analysis => {
  const found = byName.get(name)
  if (found !== undefined) return found
  throw new RangeError(`The index's terms are of the analyzer ${name}, which is not known here. Build the index again.`)
}
