/** How LaTeX writes what it reads as more than a character, and what its usual fonts lack. */
const characters: Readonly<Record<string, string>> = {
  "\\": "\\textbackslash{}",
  "{": "\\{",
  "}": "\\}",
  $: "\\$",
  "&": "\\&",
  "#": "\\#",
  _: "\\_",
  "%": "\\%",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
  "<": "$<$",
  ">": "$>$",
  "≤": "$\\leq$",
  "−": "$-$",
  "±": "$\\pm$",
  "→": "$\\to$",
  "·": "$\\cdot$",
  Δ: "$\\Delta$",
  "†": "$\\dagger$",
  "‡": "$\\ddagger$",
  "§": "\\S{}",
  "¶": "\\P{}",
  "‖": "$\\|$",
  "–": "--",
  "’": "'",
  "…": "\\dots{}",
}

/** A text as LaTeX prints it. */
export const latexText = (text: string): string =>
  text.replaceAll(/[\\{}$&#_%~^<>≤−±→·Δ†‡§¶‖–’…]/gu, (character) => characters[character] ?? character)
