#!/bin/sh
# parquetjs-lite 0.8.7: an INT64 column stores a BigInt rounded to a double, and gives a BigInt back.
#
# 9007199254740993n (2^53 + 1) is stored as 9007199254740992, by DuckDB 1.5.5's reading of the file too; an unsigned column takes no
# value of its upper half at all: UINT_32 refuses 2147483648 and UINT_64 refuses 2^63, with a RangeError of Node's buffers.
# Expected (guessed before): that a value that is given as a BigInt, and comes back as one, is exact, and that unsigned columns hold
# what their type says; only numbers that are no integers were expected to be refused.
# To our users: 64-bit hashes as docids would change without a word, two of them into one. Our candidates have qid and docid as text
# and ranks as INT32, so nothing here passes through such a column; whoever writes Parquet for rankdag with this library should do alike.
#
# Output seen:
#   9007199254740993n: own reader 9007199254740992n, DuckDB 9007199254740992
#   4611686018427387905n: own reader 4611686018427387904n, DuckDB 4611686018427387904
#   UINT_32 of 2147483648: RangeError
#   UINT_64 of 9223372036854775808n: RangeError
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund parquetjs-lite@0.8.7 @duckdb/node-api@1.5.5-r.5
cat > show.cjs <<'JS'
const { DuckDBInstance } = require("@duckdb/node-api")
const { ParquetReader, ParquetSchema, ParquetWriter } = require("parquetjs-lite")

const written = async (type, value) => {
  const writer = await ParquetWriter.openFile(new ParquetSchema({ value: { type } }), "table.parquet")
  await writer.appendRow({ value })
  await writer.close()
}
const main = async () => {
  const connection = await (await DuckDBInstance.create()).connect()
  let same = true
  for (const [value, stored] of [
    [2n ** 53n + 1n, 2n ** 53n],
    [2n ** 62n + 1n, 2n ** 62n],
  ]) {
    await written("INT64", value)
    const reader = await ParquetReader.openFile("table.parquet")
    const own = (await reader.getCursor().next()).value
    await reader.close()
    const [[duck]] = (await connection.runAndReadAll("select value from 'table.parquet'")).getRows()
    console.log(`${value}n: own reader ${own}n, DuckDB ${duck}`)
    same &&= own === stored && duck === stored
  }
  for (const [type, value, shown] of [
    ["UINT_32", 2 ** 31, "2147483648"],
    ["UINT_64", 2n ** 63n, "9223372036854775808n"],
  ]) {
    const said = await written(type, value).then(() => "stored", (error) => error.constructor.name)
    console.log(`${type} of ${shown}: ${said}`)
    same &&= said === "RangeError"
  }
  process.exit(same ? 0 : 1)
}
main()
JS
node show.cjs
