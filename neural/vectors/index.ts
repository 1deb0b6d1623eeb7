export { VectorTableError, VectorUnusable } from "./VectorError.ts"
export {
  openVectorTable,
  type VectorTable,
  type VectorTableWriter,
  vectorTableWriter,
} from "./VectorTable.ts"
