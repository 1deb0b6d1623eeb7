import { existsSync } from "node:fs"
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core"

/** Where Debian, and others, put it. */
const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]

/** A Chromium of this machine; none is downloaded. */
export const chromiumPath: string | undefined = places.find((place) => existsSync(place))

/** Why tests of pages are skipped, for their names. */
export const withoutChromium = chromiumPath === undefined ? " (skipped: no Chromium; apt-get install chromium)" : ""

/** How long is waited for what a page should come to, and how often it is looked at, in milliseconds. */
const patience = 60_000
const pause = 40

/** A page and everything that it should not have done. */
export interface Opened {
  readonly page: Page
  /** What it said on the console, its errors, and requests for anything but its own file. */
  readonly complaints: ReadonlyArray<string>
}

/** Starts a headless Chromium. */
export const startChromium = (): Promise<Browser> =>
  chromium.launch({
    ...(chromiumPath === undefined ? {} : { executablePath: chromiumPath }),
    args: ["--no-sandbox"],
  })

/** Opens a file in a browser, as someone who double-clicks it would, for as long as `use` takes, in a profile of its own. */
export const openedIn = async <A>(
  browser: Browser,
  file: string,
  use: (opened: Opened) => Promise<A>,
  options: BrowserContextOptions = {},
): Promise<A> => {
  const context = await browser.newContext(options)
  try {
    const page = await context.newPage()
    page.setDefaultTimeout(patience)
    const complaints: Array<string> = []
    const address = `file://${file}`
    page.on("console", (message) => complaints.push(`${message.type()}: ${message.text()}`))
    page.on("pageerror", (error) => complaints.push(`error: ${error.message}`))
    page.on("dialog", (dialog) => complaints.push(`dialog: ${dialog.message()}`))
    page.on("request", (request) => {
      if (request.url() !== address) complaints.push(`request: ${request.url()}`)
    })
    await page.goto(address)
    return await use({ page, complaints })
  } finally {
    await context.close()
  }
}

/** Opens a file in a headless Chromium of its own. */
export const inChromium = async <A>(
  file: string,
  use: (opened: Opened) => Promise<A>,
  options: BrowserContextOptions = {},
): Promise<A> => {
  const browser = await startChromium()
  try {
    return await openedIn(browser, file, use, options)
  } finally {
    await browser.close()
  }
}

/** Waits until an expression holds in the page. (Playwright's own waiting compiles it in the page, which the page's policy forbids.) */
export const until = async (page: Page, expression: string): Promise<void> => {
  const started = performance.now()
  while ((await page.evaluate(expression)) !== true) {
    if (performance.now() - started > patience) throw new Error(`the page never came to: ${expression}`)
    await page.waitForTimeout(pause)
  }
}
