#!/bin/sh
# parquetjs-lite 0.8.7: a TIMESTAMP_MILLIS column cannot be read by its own reader, and TIMESTAMP_MICROS is a thousand times too late.
#
# A file with a TIMESTAMP_MILLIS does not open, with "Cannot convert a BigInt value to a number"; other readers have it right. A Date in a
# TIMESTAMP_MICROS column is stored as 1,000 times its microseconds: its own reader divides them away again, DuckDB 1.5.5 reads the year
# 57974 of 2026.
# Expected (guessed before): both come back as the Date that was given, from either reader.
# To our users: whoever keeps times of clicks or crawls beside candidates in Parquet by this library. Ours have no such column, and SQL over
# a file that was made so shows the wrong year.
#
# Output seen:
#   TIMESTAMP_MILLIS: own reader "Cannot convert a BigInt value to a number", DuckDB 2026-01-02 03:04:05.678
#   TIMESTAMP_MICROS: own reader 2026-01-02T03:04:05.678Z, DuckDB 57974-03-28 20:14:38
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund parquetjs-lite@0.8.7 @duckdb/node-api@1.5.5-r.5
cat > show.cjs <<'JS'
const { DuckDBInstance } = require("@duckdb/node-api")
const { ParquetReader, ParquetSchema, ParquetWriter } = require("parquetjs-lite")

const main = async () => {
  const connection = await (await DuckDBInstance.create()).connect()
  const seen = []
  for (const type of ["TIMESTAMP_MILLIS", "TIMESTAMP_MICROS"]) {
    const writer = await ParquetWriter.openFile(new ParquetSchema({ value: { type } }), "table.parquet")
    await writer.appendRow({ value: new Date("2026-01-02T03:04:05.678Z") })
    await writer.close()
    const read = async () => {
      const reader = await ParquetReader.openFile("table.parquet")
      const { value } = await reader.getCursor().next()
      await reader.close()
      return value.toISOString()
    }
    const own = await read().catch((error) => JSON.stringify(error.message))
    const [[duck]] = (await connection.runAndReadAll("select value::varchar from 'table.parquet'")).getRows()
    console.log(`${type}: own reader ${own}, DuckDB ${duck}`)
    seen.push(own, duck)
  }
  const same =
    seen[0] === '"Cannot convert a BigInt value to a number"' &&
    seen[1] === "2026-01-02 03:04:05.678" &&
    seen[2] === "2026-01-02T03:04:05.678Z" &&
    seen[3] === "57974-03-28 20:14:38"
  process.exit(same ? 0 : 1)
}
main()
JS
node show.cjs
