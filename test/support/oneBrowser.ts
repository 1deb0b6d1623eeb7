import type { Browser, BrowserContextOptions } from "playwright-core"
import { afterAll } from "vitest"
import { type Opened, openedIn, startChromium } from "./browser.ts"

/** The browser of a test file: started by the first test that opens a page, and ended after the last. */
let started: Promise<Browser> | undefined
afterAll(async () => (await started)?.close())

/** Opens a file in the test file's Chromium, for as long as `use` takes. What another page stored or was told is not there. */
export const inOneChromium = async <A>(
  file: string,
  use: (opened: Opened) => Promise<A>,
  options: BrowserContextOptions = {},
): Promise<A> => {
  started ??= startChromium()
  return openedIn(await started, file, use, options)
}
