import type { Graph } from "./Graph.ts"

/**
 * A graph that is computed several times in one run (ONNX' `Loop`), each time from what the time before made: what goes on inside stays
 * where it is computed. Its inputs are `timesInput`, and by the names of the body's inputs and weights:
 * - those carried, with what the first time begins with, as `firstOf`;
 * - those shared by all times, and weights that stay, as they are;
 * - all others for each time, stacked along a new first axis, as `eachTime`.
 *
 * Its outputs are what was carried out of the last time, as `lastOf`, and the body's other outputs of each time, stacked, as `eachTime`.
 */
export interface RepeatedGraph {
  readonly name: string
  readonly body: Graph
  /** By an input or a weight of the body, the output that the next time has in its place; of its type and shape. */
  readonly carried: ReadonlyMap<string, string>
  readonly shared: ReadonlySet<string>
  /** The body's output, one boolean, that says whether there is a next time. */
  readonly goesOn: string
}

/** The input that says how many times at most: int64, without axes. */
export const timesInput = "times"
export const firstOf = (carried: string): string => `first ${carried}`
export const lastOf = (carried: string): string => `last ${carried}`
export const eachTime = (name: string): string => `each ${name}`
