import { createHash } from "node:crypto"
import { type FileHandle, open } from "node:fs/promises"
import { promisify } from "node:util"
import { deflateRaw } from "node:zlib"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { PageCode } from "./bundlePage.ts"
import { type Markup, toHtml } from "./page/Markup.ts"
import { paletteCss } from "./page/Palette.ts"
import type { ReportModel } from "./page/ReportModel.ts"
import { PageNotWritten } from "./ReportError.ts"

const deflate = promisify(deflateRaw)

/** Blocks that are compressed at once: as many threads as the machine that this was measured on has cores, and one waiting. */
const pendingBlocks = 3

/** A page that is being written. */
export interface PageFile {
  /** Adds a block of data, compressed; the page finds it by its id. */
  readonly block: (id: string, data: string | Float32Array) => Effect.Effect<void, PageNotWritten>
  /** Writes what is left, and says how long the page is, in bytes. */
  readonly finish: Effect.Effect<number, PageNotWritten>
}

/** JSON that can stand inside a script element: nothing in it ends one. */
const inlineJson = (value: unknown): string => JSON.stringify(value).replaceAll("<", "\\u003c")

const sha256 = (text: string): string => createHash("sha256").update(text).digest("base64")

/** What the page may do: run its own script, use its own style, and make a picture of its own data. Every request is forbidden. */
const policy = (script: string): string =>
  `default-src 'none'; script-src 'sha256-${sha256(script)}'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'`

const headOf = (title: string, body: ReadonlyArray<Markup>, model: ReportModel, { script, style }: PageCode): string =>
  [
    "<!doctype html>",
    '<html lang="en">',
    "<head>",
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy(script)}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    toHtml({ tag: "title", attributes: {}, children: [title] }),
    `<style>${paletteCss}${style}</style>`,
    "</head>",
    "<body>",
    ...body.map(toHtml),
    `<script type="application/json" id="model">${inlineJson(model)}</script>`,
    `<script>${script}</script>`,
    "",
  ].join("\n")

const bytesOf = (data: string | Float32Array): Uint8Array =>
  typeof data === "string" ? Buffer.from(data, "utf8") : new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

/**
 * Opens a page: its head, what is seen at once, the page's model and code. Blocks follow, so that a browser shows the table while it
 * still reads the rest of a large file.
 */
export const pageFile = (
  file: string,
  title: string,
  body: ReadonlyArray<Markup>,
  model: ReportModel,
  code: PageCode,
): Effect.Effect<PageFile, PageNotWritten, Scope.Scope> =>
  Effect.gen(function* () {
    const attempt = <A>(work: () => Promise<A>): Effect.Effect<A, PageNotWritten> =>
      Effect.tryPromise({ try: work, catch: (cause) => new PageNotWritten({ file, cause }) })
    const handle: FileHandle = yield* Effect.acquireRelease(
      attempt(() => open(file, "wx")),
      (opened) => Effect.promise(() => opened.close()),
    )
    let bytes = 0
    const write = async (text: string): Promise<void> => {
      bytes += Buffer.byteLength(text)
      await handle.appendFile(text)
    }
    const pending: Array<Promise<string>> = []
    const writeFirst = async (): Promise<void> => {
      const first = pending.shift()
      if (first !== undefined) await write(await first)
    }
    yield* attempt(() => write(headOf(title, body, model, code)))
    return {
      block: (id, data) =>
        attempt(async () => {
          const compressed = deflate(bytesOf(data))
          pending.push(
            compressed.then((packed) => `<script type="text/plain" id="${id}">${packed.toString("base64")}</script>\n`),
          )
          if (pending.length > pendingBlocks) await writeFirst()
        }),
      finish: attempt(async () => {
        while (pending.length > 0) await writeFirst()
        await write(
          [
            ...code.licences.map(
              (text) => `<script type="text/plain" class="licence">${text.replaceAll("<", "‹")}</script>`,
            ),
            "</body>",
            "</html>",
            "",
          ].join("\n"),
        )
        return bytes
      }),
    }
  })
