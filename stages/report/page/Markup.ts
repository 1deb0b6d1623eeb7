/**
 * A piece of the page as plain data: the stage writes it as HTML, the page's own code makes elements of it. Text is never read as
 * markup on either way, so a collection's texts can hold what they like.
 */
export interface Markup {
  readonly tag: string
  /** `true` for attributes without a value. */
  readonly attributes: Readonly<Record<string, string | number | boolean>>
  readonly children: ReadonlyArray<Markup | string>
}

/** What can stand inside: nothing, a text, a piece, or any number of them. */
export type Content = Markup | string | number | undefined | false | ReadonlyArray<Content>

const flat = (content: Content): ReadonlyArray<Markup | string> => {
  if (content === undefined || content === false) return []
  if (typeof content === "number") return [String(content)]
  if (typeof content === "string" || "tag" in content) return [content]
  return content.flatMap(flat)
}

/** A piece of markup. Attributes that are `false` are left out. */
export const h = (tag: string, attributes: Markup["attributes"] = {}, ...content: ReadonlyArray<Content>): Markup => ({
  tag,
  attributes,
  children: flat(content),
})

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" }
const escaped = (text: string): string => text.replaceAll(/[&<>"]/g, (character) => entities[character] ?? character)

const isVoid = (tag: string): boolean => tag === "input" || tag === "br" || tag === "meta"

/** Markup as HTML. */
export const toHtml = (piece: Markup | string): string => {
  if (typeof piece === "string") return escaped(piece)
  const attributes = Object.entries(piece.attributes)
    .filter(([, value]) => value !== false)
    .map(([name, value]) => (value === true ? ` ${name}` : ` ${name}="${escaped(String(value))}"`))
    .join("")
  const opened = `<${piece.tag}${attributes}>`
  return isVoid(piece.tag) ? opened : `${opened}${piece.children.map(toHtml).join("")}</${piece.tag}>`
}
