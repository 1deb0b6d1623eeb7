import type { ArtifactKind } from "./ArtifactKind.ts"

/** The types a column can have, by DuckDB's names, and what JavaScript sees of them. */
export interface ColumnTypes {
  readonly VARCHAR: string
  readonly INTEGER: number
  readonly DOUBLE: number
  readonly FLOAT: number
}

/** A column: its type, and whether a row may leave it empty (`null`). */
export interface Column<
  out Type extends keyof ColumnTypes = keyof ColumnTypes,
  out Optional extends boolean = boolean,
> {
  readonly type: Type
  readonly optional: Optional
}

export type Columns = Readonly<Record<string, Column>>

/** A row of a table with these columns. */
export type RowOf<C extends Columns> = {
  readonly [K in keyof C]: C[K]["optional"] extends true ? ColumnTypes[C[K]["type"]] | null : ColumnTypes[C[K]["type"]]
}

/**
 * An artifact that is a table: a folder of Parquet files `part-00000.parquet`, `part-00001.parquet`, …, whose rows, read in
 * the order of the file names, are in the order in which they were written.
 */
export interface TableKind<out Name extends string = string, out C extends Columns = Columns>
  extends ArtifactKind<Name> {
  readonly columns: C
}

export const column = <const Type extends keyof ColumnTypes>(type: Type): Column<Type, false> => ({
  type,
  optional: false,
})

export const optionalColumn = <const Type extends keyof ColumnTypes>(type: Type): Column<Type, true> => ({
  type,
  optional: true,
})

/** Declares a table's kind. Column order is the order of the declaration. */
export const tableKind = <const Name extends string, const C extends Columns>(
  name: Name,
  columns: C,
): TableKind<Name, C> => ({
  name,
  columns,
})

/** Whether a kind is a table's. */
export const isTableKind = (kind: ArtifactKind): kind is TableKind => "columns" in kind
