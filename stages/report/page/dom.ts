import { type Content, h, type Markup } from "./Markup.ts"

/** Markup as elements of the document. */
export const toElement = (piece: Markup): HTMLElement => {
  const element = document.createElement(piece.tag)
  for (const [name, value] of Object.entries(piece.attributes)) {
    if (value !== false) element.setAttribute(name, value === true ? "" : String(value))
  }
  element.append(...piece.children.map((child) => (typeof child === "string" ? child : toElement(child))))
  return element
}

/** Puts content in place of what an element holds. */
export const fill = (element: Element, ...content: ReadonlyArray<Content>): void => {
  element.replaceChildren(
    ...h("div", {}, ...content).children.map((child) => (typeof child === "string" ? child : toElement(child))),
  )
}

/** An element of the page that is always there. */
export const byId = (id: string): HTMLElement => {
  const element = document.getElementById(id)
  if (element === null) throw new Error(`the page has no element ${id}`)
  return element
}

/** The part of a section that its code fills. */
export const contentOf = (id: string): HTMLElement => {
  const element = byId(id).querySelector<HTMLElement>(".content")
  if (element === null) throw new Error(`section ${id} has no content`)
  return element
}

/** Shows a section, or takes it off the page. */
export const showSection = (id: string, isShown: boolean): void => {
  byId(id).hidden = !isShown
}

/** The closest ancestor of an event's target that a selector means. */
export const closest = (event: Event, selector: string): HTMLElement | undefined =>
  event.target instanceof Element ? (event.target.closest<HTMLElement>(selector) ?? undefined) : undefined
