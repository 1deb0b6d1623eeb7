import { causeText } from "../../../schemas/index.ts"
import { toElement } from "./dom.ts"
import { h } from "./Markup.ts"

/** Hands the reader a file, without asking a server for anything. */
export const save = (name: string, type: string, content: string | Blob): void => {
  const address = URL.createObjectURL(new Blob([content], { type }))
  const link = Object.assign(document.createElement("a"), { href: address, download: name })
  link.click()
  URL.revokeObjectURL(address)
}

/** A kind of file that something is saved as. */
export interface FileKind {
  /** `SVG` */
  readonly label: string
  readonly save: () => void | Promise<void>
}

/** Buttons that save something, one a kind of file. */
export const saveButtons = (what: string, kinds: ReadonlyArray<FileKind>): HTMLElement => {
  const bar = toElement(h("p", { class: "save" }, "Save as "))
  for (const [position, { label, save: saveIt }] of kinds.entries()) {
    const button = toElement(h("button", { type: "button", "aria-label": `Save ${what} as ${label}` }, label))
    button.addEventListener("click", () => {
      Promise.resolve(saveIt()).catch((error: unknown) => {
        bar.append(` (${causeText(error)})`)
      })
    })
    bar.append(position === 0 ? "" : " · ", button)
  }
  return bar
}
