/** Numbers at which onnxruntime's own operations on WebGPU are wrong. */

const width = 512

export const gain = Array.from({ length: width }, (_, i) => 1 + (i % 5) / 10)

const wave = (at: number): number => Math.sin(at * 0.7) + (at % 11) / 11

/** Rows whose means are 0, 30 and 3,000 times their deviation. */
export const farRows = [0, 30, 3000].flatMap((mean) =>
  Array.from({ length: width }, (_, i) => Math.fround(mean + wave(i + mean))),
)

export const softplusArguments = [-100, -40, -20, -17, -12, -3, -0.5, 0, 0.5, 3, 12, 17, 40]

/** In 64-bit floats. */
export const softplusOf = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))

/** Layer normalisation of those rows with bias ¼, in 64-bit floats. */
export const normalisedRows = (): readonly number[] =>
  Array.from({ length: farRows.length / width }, (_, row) => farRows.slice(row * width, (row + 1) * width)).flatMap(
    (row) => {
      const mean = row.reduce((sum, x) => sum + x, 0) / width
      const variance = row.reduce((sum, x) => sum + (x - mean) ** 2, 0) / width
      return row.map((x, i) => (gain[i]! * (x - mean)) / Math.sqrt(variance + 1e-12) + 0.25)
    },
  )
