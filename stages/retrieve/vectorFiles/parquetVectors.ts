import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import {
  DuckDb,
  duckDbPromise,
  literalPath,
  parquetOptions,
  rowStream,
  sqlIdentifier,
  sqlString,
} from "../../../pipeline/index.ts"
import { causeText, isRecord } from "../../../schemas/index.ts"
import { unusable, type VectorRows } from "./VectorRows.ts"

const writing =
  "Write the columns docid (of queries, qid) as text and vector as a list of float32: pyarrow.table({'docid': …, 'vector': pyarrow.array(…, pyarrow.list_(pyarrow.float32()))})."

/** The items of a list or an array, as DuckDB's client gives them. */
const itemsOf = (value: unknown): ReadonlyArray<unknown> | undefined =>
  isRecord(value) && Array.isArray(value["items"]) ? value["items"] : undefined

/**
 * The vectors of a Parquet file: the columns `docid` or `qid`, and `vector`, a list of numbers.
 *
 * @param id the column of whose the vectors are
 */
export const parquetVectors = (path: string, file: string, id: "docid" | "qid") =>
  Stream.unwrap(
    Effect.gen(function* () {
      const from = `read_parquet(${sqlString(literalPath(path))}, ${parquetOptions})`
      const refused = (cause: unknown) =>
        unusable(file, 0, `DuckDB cannot read it: ${causeText(cause).split("\n", 1)[0] ?? ""}`, "Write it again.")
      const described = yield* Effect.scoped(
        Effect.gen(function* () {
          const connection = yield* (yield* DuckDb).connect
          const sql = `DESCRIBE SELECT * FROM ${from}`
          return yield* duckDbPromise(connection, sql, async () => (await connection.runAndReadAll(sql)).getRows())
        }),
      ).pipe(Effect.mapError(({ cause }) => refused(cause)))
      const types = new Map(described.map(([name, type]) => [String(name), String(type)]))
      for (const column of [id, "vector"]) {
        if (!types.has(column)) {
          const there = [...types.keys()].join(", ")
          return yield* unusable(file, 0, `it has no column ${column}; there are ${there}`, writing)
        }
      }
      const type = types.get("vector") ?? ""
      if (!/^(?:FLOAT|DOUBLE)\[\d*\]$/.test(type)) {
        return yield* unusable(file, 0, `its column vector is of ${type}, not of lists of floats`, writing)
      }
      const rows = rowStream(
        `SELECT ${sqlIdentifier(id)}::VARCHAR AS id, vector FROM ${from}`,
        `SELECT num_rows FROM parquet_file_metadata(${sqlString(literalPath(path))})`,
      )
      let read = 0
      let dimensions = 0
      return rows.pipe(
        Stream.mapError(({ cause }) => refused(cause)),
        Stream.mapEffect(([ids = [], lists = []]) =>
          Effect.gen(function* () {
            const vectors = new Array<Float32Array>()
            for (const list of lists) {
              const items = itemsOf(list)
              const row = read + vectors.length + 1
              if (items === undefined) return yield* unusable(file, row, "it has no vector", writing)
              if (dimensions === 0) dimensions = items.length
              if (items.length !== dimensions) {
                const problem = `its vector has ${items.length} numbers, and the first one's ${dimensions}`
                return yield* unusable(file, row, problem, "Give vectors of one model.")
              }
              vectors.push(Float32Array.from(items, (item) => (item === null ? Number.NaN : Number(item))))
            }
            read += lists.length
            const all = new Float32Array(vectors.length * dimensions)
            vectors.forEach((vector, at) => {
              all.set(vector, at * dimensions)
            })
            return { ids: ids.map((each) => String(each ?? "")), vectors: all, dimensions } satisfies VectorRows
          }),
        ),
      )
    }),
  )
