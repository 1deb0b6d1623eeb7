/** A string, quoted for SQL. */
export const sqlString = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** A name, quoted for SQL. */
export const sqlIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** A path in which DuckDB takes no character for a pattern. */
export const literalPath = (path: string): string => path.replaceAll(/[[*?]/g, "[$&]")

/** The glob, for DuckDB, of a stored table's files; `directory` may hold any character. */
export const tableFiles = (directory: string): string => `${literalPath(directory)}/*.parquet`

/** What follows a Parquet file's name in SQL: a folder `system=bm25` above it must not become, or replace, a column. */
export const parquetOptions = "hive_partitioning = false"

/** A stored table, for `FROM`. */
export const tableSource = ({ path }: { readonly path: string }): string =>
  `read_parquet(${sqlString(tableFiles(path))}, ${parquetOptions})`

/** How many rows the footers of a stored table's files say that it has, as SQL. */
export const storedRows = ({ path }: { readonly path: string }): string =>
  `SELECT coalesce(sum(num_rows), 0) FROM parquet_file_metadata(${sqlString(tableFiles(path))})`

/** SQL that writes rows into the one Parquet file of a table's folder, as every table is written. */
export const tableCopy = (rows: string, folder: string): string =>
  parquetCopy(`(${rows})`, `${folder}/part-00000.parquet`)

/** SQL that writes a table, or a query in brackets, into a Parquet file. */
export const parquetCopy = (rows: string, file: string): string =>
  `COPY ${rows} TO ${sqlString(file)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)`
