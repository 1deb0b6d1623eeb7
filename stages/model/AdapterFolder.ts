import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { isAbsolute, join, resolve } from "node:path"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { AdapterCard, adapterCardFile, type Head } from "../../schemas/index.ts"
import { ModelUnsuitable, UnknownModel } from "./ModelError.ts"

/** What of an adapter's folder decides how it is wired. */
export interface AdapterFolder {
  readonly folder: string
  /** Relative names, sorted. */
  readonly files: ReadonlyArray<string>
  /** What peft's configuration calls the model that it is put over. */
  readonly base: { readonly source: string; readonly revision: string | undefined } | undefined
  /** The head that it was trained with here, whose weights it has. */
  readonly head: Head | undefined
}

const configFile = "adapter_config.json"
const weightsFile = "adapter_model.safetensors"
const headFile = "head.safetensors"
const own: ReadonlySet<string> = new Set([configFile, weightsFile, headFile, adapterCardFile, "README.md"])

const Named = Schema.parseJson(
  Schema.Struct({
    base_model_name_or_path: Schema.optional(Schema.NullOr(Schema.String)),
    revision: Schema.optional(Schema.NullOr(Schema.String)),
  }),
)
const Card = Schema.parseJson(AdapterCard)

/** Whether a source is the folder of an adapter, which has no model of its own. */
export const isAdapterFolder = (source: string): boolean => {
  const folder = resolve(source)
  return existsSync(join(folder, configFile)) && !existsSync(join(folder, "config.json"))
}

/**
 * Reads what an adapter's folder says of its base; of its weights, only that they are there.
 *
 * @throws UnknownModel, ModelUnsuitable
 */
export const adapterFolder = (source: string): AdapterFolder => {
  const folder = resolve(source)
  const isFolder = existsSync(folder) && statSync(folder).isDirectory()
  const seen = isFolder ? readdirSync(folder).sort() : []
  const missing = [configFile, weightsFile].find((file) => !seen.includes(file))
  if (missing !== undefined) {
    const problem = isFolder ? `it is no adapter as peft writes it: ${missing} is not there` : "there is no such folder"
    throw new UnknownModel({ source, problem, seen })
  }
  const read = <A, I>(file: string, schema: Schema.Schema<A, I>): A => {
    const decoded = Schema.decodeUnknownEither(schema)(readFileSync(join(folder, file), "utf8"))
    if (Either.isRight(decoded)) return decoded.right
    const problem = `${file} cannot be read: ${decoded.left.message}`
    throw new ModelUnsuitable({ model: source, problem, remedy: "Save the adapter again." })
  }
  const { base_model_name_or_path: named, revision } = read(configFile, Named)
  const card = seen.includes(adapterCardFile) ? read(adapterCardFile, Card) : undefined
  const base = (): AdapterFolder["base"] => {
    if (typeof named !== "string" || named === "") return undefined
    const path = isAbsolute(named) ? named : join(folder, named)
    if (existsSync(path)) return { source: path, revision: undefined }
    // Of a model that was a folder, the name alone is known; the hub may have another of that name.
    const fromHub = card === undefined || card.base.origin.startsWith("hub ")
    return fromHub ? { source: named, revision: revision ?? undefined } : undefined
  }
  return {
    folder,
    files: seen.filter((file) => own.has(file)),
    base: base(),
    head: seen.includes(headFile) ? card?.head : undefined,
  }
}
