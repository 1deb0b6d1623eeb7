/** Why a measure's name cannot be used. Plain values, so that whoever reads a configuration can place them. */
export type MeasureError =
  /** No such measure; `nearest` is the known name it resembles, if any. */
  | { readonly _tag: "UnknownMeasure"; readonly text: string; readonly nearest: string | null }
  /** trec_eval or ir-measures knows it, this project does not compute it. */
  | { readonly _tag: "MeasureNotComputed"; readonly text: string; readonly reason: string }
  /** The text is not `Name(param=value,…)@cutoff`; `column` counts from 1. */
  | { readonly _tag: "MeasureSyntax"; readonly text: string; readonly column: number; readonly expected: string }
  /** A parameter is missing, unknown to the measure, or has a value it cannot have. */
  | { readonly _tag: "MeasureParameter"; readonly text: string; readonly parameter: string; readonly problem: string }

/** One sentence for people, naming the text, what is wrong with it and what would be right. */
export const describeMeasureError = (error: MeasureError): string => {
  switch (error._tag) {
    case "UnknownMeasure":
      return `there is no measure ${JSON.stringify(error.text)}${error.nearest === null ? "" : `; the nearest is ${error.nearest}`}`
    case "MeasureNotComputed":
      return `the measure ${JSON.stringify(error.text)} is not computed here: ${error.reason}`
    case "MeasureSyntax":
      return `${JSON.stringify(error.text)} is not a measure's name: column ${error.column}, expected ${error.expected}`
    case "MeasureParameter":
      return `measure ${JSON.stringify(error.text)}, parameter ${error.parameter}: ${error.problem}`
  }
}
