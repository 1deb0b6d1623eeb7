/** Seconds since a reading of `performance.now()`, to the millisecond. */
export const secondsSince = (start: number): number => Math.round(performance.now() - start) / 1000
