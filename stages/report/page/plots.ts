import { plot } from "@observablehq/plot"
import { toElement } from "./dom.ts"
import { h } from "./Markup.ts"
import { onPage, print } from "./Palette.ts"
import type { Canvas, PlotSpec } from "./PlotSpec.ts"
import { save, saveButtons } from "./save.ts"
import { numbersOf, tableKinds } from "./tables.ts"

/** The width that a plot inside an element has. */
export const widthIn = (host: Element): number => Math.max(280, Math.floor(host.getBoundingClientRect().width))

/** How many marks an axis has room for. */
export const ticksIn = (width: number): number => Math.max(3, Math.min(8, Math.floor(width / 95)))

const fontSize = 12
/** What a paper's typesetting has, or has something for. */
const fileFont = "Helvetica, Arial, sans-serif"
/** Width of a saved plot, in pixels, and how many dots each is in a PNG. */
const fileWidth = 640
const dots = 3

const measureIn = (font: string): ((text: string) => number) => {
  const context = document.createElement("canvas").getContext("2d")
  if (context === null) return (text) => 7 * text.length
  context.font = `600 ${fontSize}px ${font}`
  // Names are drawn in digits of one width, which some fonts make wider.
  return (text) => 1.03 * context.measureText(text).width
}

const draw = ({ description, options }: PlotSpec, canvas: Canvas): SVGElement | HTMLElement => {
  const given = options(canvas)
  const { ink } = canvas.colours
  const drawn = plot({
    ...given,
    ariaLabel: description,
    style: {
      background: "none",
      fontSize: `${fontSize}px`,
      ...(canvas.isLive ? {} : { color: ink, fontFamily: fileFont }),
    },
  })
  drawn.setAttribute("role", "img")
  return drawn
}

/** The plot as a file of its own: on paper, in fixed colours, with its description. */
const fileOf = (spec: PlotSpec): SVGElement | HTMLElement => {
  const drawn = draw(spec, { width: fileWidth, colours: print, measure: measureIn(fileFont), isLive: false })
  drawn.setAttribute("xmlns", "http://www.w3.org/2000/svg")
  const title = document.createElementNS("http://www.w3.org/2000/svg", "title")
  title.textContent = spec.description
  drawn.prepend(title)
  return drawn
}

const asSvg = (spec: PlotSpec): string => new XMLSerializer().serializeToString(fileOf(spec))

const asPng = async (spec: PlotSpec): Promise<Blob> => {
  const drawn = fileOf(spec)
  const [width, height] = ["width", "height"].map((name) => Number(drawn.getAttribute(name)))
  const image = new Image()
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(drawn))}`
  await image.decode()
  const canvas = Object.assign(document.createElement("canvas"), {
    width: dots * (width ?? fileWidth),
    height: dots * (height ?? fileWidth),
  })
  const context = canvas.getContext("2d")
  if (context === null) throw new Error("this browser cannot draw a picture")
  context.fillStyle = print.paper
  context.fillRect(0, 0, canvas.width, canvas.height)
  context.drawImage(image, 0, 0, canvas.width, canvas.height)
  return new Promise((resolve, reject) => {
    canvas.toBlob(
      (blob) => (blob === null ? reject(new Error("this browser cannot write a PNG")) : resolve(blob)),
      "image/png",
    )
  })
}

/** Draws a plot into a figure of its own at the end of a host. */
export const addPlot = (host: Element, spec: PlotSpec, width: number): void => {
  const shown = Math.min(width, spec.widest ?? width)
  const drawn = draw(spec, {
    width: shown,
    colours: onPage,
    measure: measureIn(getComputedStyle(host).fontFamily),
    isLive: true,
  })
  const { file } = spec.data
  const figure = toElement(h("figure", { "data-file": file }, h("figcaption", {}, spec.caption)))
  const saving = saveButtons(spec.description, [
    { label: "SVG", save: () => save(`${file}.svg`, "image/svg+xml", asSvg(spec)) },
    { label: "PNG", save: async () => save(`${file}.png`, "image/png", await asPng(spec)) },
    ...tableKinds(() => spec.data),
  ])
  figure.append(drawn, saving, toElement(h("div", {}, numbersOf(spec.data))))
  const { choose } = spec
  if (choose !== undefined) {
    figure.classList.add("pointed")
    drawn.addEventListener("click", () => {
      const at: unknown = "value" in drawn ? drawn.value : undefined
      choose(at)
    })
  }
  host.append(figure)
}
