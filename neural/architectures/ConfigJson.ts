import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { checkFields, type FieldTable, joinTables, refusedText } from "../../schemas/index.ts"
import { ConfigInvalid, type UnknownArchitecture } from "./ArchitectureError.ts"
import { commonFields } from "./commonFields.ts"

export const size = Schema.Int.pipe(Schema.positive(), Schema.lessThanOrEqualTo(2 ** 31 - 1))
/** No published model is nearly as deep; a graph has nodes for each layer. */
export const depth = Schema.Int.pipe(Schema.positive(), Schema.lessThanOrEqualTo(1000))
export const positive = Schema.Number.pipe(Schema.positive())
export const or = <A, I>(schema: Schema.Schema<A, I>, value: NoInfer<A>) =>
  Schema.optionalWith(schema, { default: () => value })

export type Outcome<A> = Either.Either<A, UnknownArchitecture | ConfigInvalid>

export const decoded = <A, I>(modelType: string, schema: Schema.Schema<A, I>, json: unknown): Outcome<A> =>
  Either.mapLeft(Schema.decodeUnknownEither(schema)(json), (error) => {
    const issue = ParseResult.ArrayFormatter.formatErrorSync(error)[0]
    return new ConfigInvalid({
      modelType,
      field: issue?.path.map(String).join(".") ?? "",
      why: issue?.message ?? error.message,
    })
  })

export const invalid = (modelType: string, field: string, why: string) =>
  Either.left(new ConfigInvalid({ modelType, field, why }))

/** An error where a width does not fall apart into so many heads; of both a field's name and value. */
export const checkHeads = (
  modelType: string,
  [field, heads]: readonly [field: string, heads: number],
  [widthField, width]: readonly [field: string, width: number],
): Outcome<void> => (width % heads === 0 ? Either.void : invalid(modelType, field, `it must divide ${widthField}`))

/**
 * The table of an architecture's `config.json`: what every architecture has, and its own.
 *
 * @param own its fields; `honoured` names those that its schema reads, by its type
 */
export const configFields = (own: Partial<FieldTable>): FieldTable => joinTables(commonFields, own)

/** An error where a field has a value that is not built; else the fields that no list has. */
export const checkConfig = (modelType: string, table: FieldTable, json: unknown): Outcome<ReadonlyArray<string>> => {
  const { refused, unknown } = checkFields(table, json)
  const [first] = refused
  return first === undefined
    ? Either.right(unknown)
    : Either.left(new ConfigInvalid({ modelType, field: first.field, why: `${refusedText(first)}. ${first.remedy}` }))
}
