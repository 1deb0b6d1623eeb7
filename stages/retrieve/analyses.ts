import type { Analysis } from "./Analyzer.ts"
import type { AnalyzerName } from "./contract.ts"
import { english } from "./EnglishAnalyzer.ts"
import { arabic } from "./languages/arabic.ts"
import { cjk } from "./languages/cjk.ts"
import { dutch } from "./languages/dutch.ts"
import { french } from "./languages/french.ts"
import { german } from "./languages/german.ts"
import { italian } from "./languages/italian.ts"
import { portuguese } from "./languages/portuguese.ts"
import { russian } from "./languages/russian.ts"
import { spanish } from "./languages/spanish.ts"
import { swedish } from "./languages/swedish.ts"
import { whitespace } from "./languages/whitespace.ts"

/** Every analysis, by what the settings call it. */
export const analyses: Readonly<Record<AnalyzerName, Analysis>> = {
  english,
  whitespace,
  german,
  french,
  spanish,
  italian,
  portuguese,
  dutch,
  swedish,
  russian,
  arabic,
  cjk,
}

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
