/** What a result at a rank, from 1, counts. */
export const discount = (rank: number): number => 1 / Math.log2(rank + 1)
