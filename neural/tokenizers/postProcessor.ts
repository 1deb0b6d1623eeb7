import { isRecord } from "../../schemas/index.ts"
import type { LayoutPart, Layouts } from "./Tokenizer.ts"

type Json = Readonly<Record<string, unknown>>

/** A part of tokenizer.json (normalizer, pre-tokenizer, post-processor) with the sequences in it laid flat. */
export const flattened = (value: unknown, within: string): ReadonlyArray<Json> => {
  if (!isRecord(value)) return []
  const inner = value["type"] === "Sequence" ? value[within] : undefined
  return Array.isArray(inner) ? inner.flatMap((part) => flattened(part, within)) : [value]
}

const numbers = (value: unknown): ReadonlyArray<number> =>
  Array.isArray(value) ? value.filter((item) => typeof item === "number") : []

const textOf = (value: unknown): "first" | "second" => (value === "B" ? "second" : "first")
const typeOf = (value: unknown): number => (typeof value === "number" ? value : 0)

/** One side of a TemplateProcessing: a list of `{SpecialToken: {id, type_id}}` and `{Sequence: {id, type_id}}`. */
const template = (parts: unknown, specials: Json): ReadonlyArray<LayoutPart> | undefined => {
  if (!Array.isArray(parts)) return undefined
  const layout: Array<LayoutPart> = []
  for (const part of parts) {
    if (!isRecord(part)) return undefined
    const { Sequence: sequence, SpecialToken: special } = part
    if (isRecord(sequence)) layout.push({ text: textOf(sequence["id"]), type: typeOf(sequence["type_id"]) })
    else if (isRecord(special)) {
      const entry = typeof special["id"] === "string" ? specials[special["id"]] : undefined
      if (!isRecord(entry)) return undefined
      layout.push({ ids: numbers(entry["ids"]), type: typeOf(special["type_id"]) })
    } else return undefined
  }
  return layout
}

/** The `["[SEP]", 102]` of BertProcessing and RobertaProcessing. */
const tokenId = (value: unknown): number | undefined => {
  const id: unknown = Array.isArray(value) ? value[1] : undefined
  return typeof id === "number" ? id : undefined
}

/** Post-processors that put nothing around a text. */
const offsetsOnly: ReadonlySet<unknown> = new Set(["ByteLevel"])

/** What a tokenizer.json's post-processor puts around a text and a pair; undefined where it has none; or what is wrong with it. */
export const layoutsOf = (postProcessor: unknown): Layouts | { readonly problem: string } | undefined => {
  for (const part of flattened(postProcessor, "processors")) {
    if (offsetsOnly.has(part["type"])) continue
    if (part["type"] === "TemplateProcessing") {
      const specials = isRecord(part["special_tokens"]) ? part["special_tokens"] : {}
      const single = template(part["single"], specials)
      const pair = template(part["pair"], specials)
      return single === undefined || pair === undefined
        ? { problem: "its post_processor is a TemplateProcessing with parts that are not known" }
        : { single, pair }
    }
    if (part["type"] === "BertProcessing" || part["type"] === "RobertaProcessing") {
      const cls = tokenId(part["cls"])
      const sep = tokenId(part["sep"])
      if (cls === undefined || sep === undefined)
        return { problem: `its post_processor ${part["type"]} names no cls and sep` }
      const single: ReadonlyArray<LayoutPart> = [
        { ids: [cls], type: 0 },
        { text: "first", type: 0 },
        { ids: [sep], type: 0 },
      ]
      const second: ReadonlyArray<LayoutPart> =
        part["type"] === "BertProcessing"
          ? [
              { text: "second", type: 1 },
              { ids: [sep], type: 1 },
            ]
          : [
              { ids: [sep], type: 0 },
              { text: "second", type: 0 },
              { ids: [sep], type: 0 },
            ]
      return { single, pair: [...single, ...second] }
    }
    return { problem: `its post_processor is of the type «${String(part["type"])}», which is not read` }
  }
  return undefined
}
