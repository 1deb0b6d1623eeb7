/**
 * A text of JSON with comments as JSON: those to the line's end and those between slashes and stars become spaces, so that lines and positions in
 * messages stay true. What stands in strings is no comment.
 */
export const withoutComments = (text: string): string =>
  text.replaceAll(/"(?:[^"\\\n]|\\.)*"|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (found) =>
    found.startsWith('"') ? found : found.replaceAll(/[^\n\r]/g, " "),
  )
