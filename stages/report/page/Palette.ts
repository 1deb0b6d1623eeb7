/** The colours that a page or a plot is drawn in. */
export interface Palette {
  readonly paper: string
  readonly raised: string
  readonly ink: string
  readonly muted: string
  readonly rule: string
  /** What the reader acts on. */
  readonly accent: string
  readonly tint: string
  /** One a system, the first for the baseline; further ones begin again, and differ by their dashes. */
  readonly systems: ReadonlyArray<string>
}

/** On a light screen. */
export const light: Palette = {
  paper: "#fcfcfa",
  raised: "#f4f3ee",
  ink: "#1c1b1f",
  muted: "#66646e",
  rule: "#e0ded6",
  accent: "#b4411a",
  tint: "#f7e3d8",
  systems: [
    "#1c1b1f",
    "#1f6fb2",
    "#b4411a",
    "#2e7d4f",
    "#8e4aa8",
    "#a87900",
    "#c0307a",
    "#0f8a8c",
    "#5c5fc4",
    "#7a5a3a",
  ],
}

/** In a file, which belongs on paper. */
export const print: Palette = { ...light, paper: "#ffffff" }

/** On a dark screen. */
export const dark: Palette = {
  paper: "#17171a",
  raised: "#202024",
  ink: "#ebe9e4",
  muted: "#a09da8",
  rule: "#35343a",
  accent: "#ff9166",
  tint: "#43291e",
  systems: [
    "#ebe9e4",
    "#6db7f2",
    "#ff9166",
    "#6fcf97",
    "#cf9be6",
    "#e2b64d",
    "#ff86bd",
    "#5fd3d0",
    "#a3a6ff",
    "#cfae8c",
  ],
}

const named = ({ systems, ...colours }: Palette): ReadonlyArray<readonly [name: string, colour: string]> => [
  ...Object.entries(colours),
  ...systems.map((colour, position) => [`system-${position}`, colour] as const),
]

const declarations = (palette: Palette): string =>
  named(palette)
    .map(([name, colour]) => `--${name}:${colour};`)
    .join("")

/** The colours as variables of the page, which follow the reader's setting. */
export const paletteCss = `:root{${declarations(light)}}@media (prefers-color-scheme:dark){:root{${declarations(dark)}}}`

/** What is drawn on the page names the variables, so that it follows the setting without being drawn again. */
export const onPage: Palette = {
  paper: "var(--paper)",
  raised: "var(--raised)",
  ink: "var(--ink)",
  muted: "var(--muted)",
  rule: "var(--rule)",
  accent: "var(--accent)",
  tint: "var(--tint)",
  systems: light.systems.map((_, position) => `var(--system-${position})`),
}

/** How a system's lines and dots look, in every plot. */
export interface Look {
  readonly colour: string
  /** Dashes of its lines, as SVG has them. */
  readonly dashes: string
}

const dashes = ["none", "5,3", "1.5,3"] as const

/** @param position among all systems of the page, the baseline's being 0. */
export const lookAt = ({ systems }: Palette, position: number): Look => {
  // The baseline's colour is its own: what begins again are the others.
  const others = systems.length - 1
  const at = position - 1
  if (at < 0) return { colour: systems[0] ?? "", dashes: "none" }
  return {
    colour: systems[1 + (at % others)] ?? "",
    dashes: dashes[Math.floor(at / others) % dashes.length] ?? "none",
  }
}
