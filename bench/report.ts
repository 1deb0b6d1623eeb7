/**
 * Claim: the report of 20 systems × 6,980 queries is built in under 20 s, and its first table is to be seen in Chromium in under
 * 1 s after it is opened from disk.
 *
 *     npm run bench report        (needs a Chromium: apt-get install chromium)
 *
 * Built is the whole stage: reading scores, runs, texts and judgements from Parquet, bundling the page's code, compressing and
 * writing. Seen is measured by the page's own clock, from the start of its navigation to the first frame after the table is laid
 * out; «ready» is when the page's code has drawn all of its parts. Three openings, each in a new browser.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { inChromium, until, withoutChromium } from "../test/support/browser.ts"
import { makeReport, writeExperiment } from "../test/support/madeReport.ts"

const size = {
  systems: Number(process.env["RANKDAG_BENCH_SYSTEMS"] ?? 20),
  queries: Number(process.env["RANKDAG_BENCH_QUERIES"] ?? 6_980),
  depth: 100,
  passages: 200_000,
}
const openings = 3

const folder = mkdtempSync(join(tmpdir(), "rankdag-bench-report-"))
try {
  await writeExperiment(folder, size)
  const started = performance.now()
  const page = await makeReport(folder, size)
  const seconds = (performance.now() - started) / 1000
  const megabytes = statSync(page).size / 1e6
  console.log(
    `${size.systems} systems × ${size.queries} queries: built in ${seconds.toFixed(1)} s, ${megabytes.toFixed(1)} MB, ` +
      `${Math.round(process.resourceUsage().maxRSS / 1000)} MB of memory`,
  )
  if (withoutChromium !== "") console.log(`opening${withoutChromium}`)
  else {
    for (let opening = 0; opening < openings; opening++) {
      await inChromium(page, async (opened) => {
        await until(opened.page, "document.querySelector('.reader h3') !== null")
        const ready = await opened.page.evaluate("performance.now()")
        const painted = await opened.page.evaluate(
          "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN",
        )
        console.log(
          `first table seen after ${Number(painted).toFixed(0)} ms, all drawn after ${Number(ready).toFixed(0)} ms`,
        )
        for (const complaint of opened.complaints) console.log(complaint)
      })
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
