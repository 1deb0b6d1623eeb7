import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { until, withoutChromium } from "../support/browser.ts"
import { makeReport, writeExperiment } from "../support/madeReport.ts"
import { inOneChromium } from "../support/oneBrowser.ts"

// A browser, on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 })

const sizes = [3, 8, 20]
const scratch = mkdtempSync(join(tmpdir(), "rankdag-plots-"))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const pageOf = (systems: number): string => join(scratch, String(systems), "page/index.html")

const drawn = "document.querySelectorAll('figure svg').length >= 8 && document.querySelector('.reader h3') !== null"

/** Texts of plots that lie on one another, out of the window's sides or on the line of what is efficient, in words. */
const collisions = `[...document.querySelectorAll("figure svg")].flatMap((svg) => {
  const part = svg.closest("section").id
  const texts = [...svg.querySelectorAll("text")].filter((text) => text.textContent !== "").map((text) => ({ text: text.textContent, box: text.getBoundingClientRect() }))
  const touching = texts.flatMap((a, i) => texts.slice(i + 1).flatMap((b) =>
    a.box.left + 0.5 < b.box.right && b.box.left + 0.5 < a.box.right && a.box.top + 2 < b.box.bottom && b.box.top + 2 < a.box.bottom
      ? [part + ": " + a.text + " on " + b.text] : []))
  const out = texts.flatMap(({ text, box }) => box.left < -0.5 || box.right > innerWidth + 0.5 ? [part + ": " + text + " is cut off"] : [])
  const line = part === "cost" ? svg.querySelector('[aria-label="line"] path') : null
  const under = line === null ? [] : [...svg.querySelectorAll(".name")].flatMap((name) => {
    const box = name.getBoundingClientRect()
    const points = Array.from({ length: 400 }, (_, i) => line.getPointAtLength(i / 399 * line.getTotalLength()).matrixTransform(line.getScreenCTM()))
    return points.some(({ x, y }) => x > box.left && x < box.right && y > box.top + 2 && y < box.bottom - 2) ? [part + ": the line is under " + name.textContent] : []
  })
  return [...touching, ...out, ...under]
})`

const text = (page: Page, selector: string) =>
  page.evaluate(`document.querySelector(${JSON.stringify(selector)})?.textContent ?? ""`)

/** Presses a button and reads the file that it saves. */
const saved = async (page: Page, selector: string, label: string) => {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.locator(`${selector} .save button`, { hasText: label }).first().click(),
  ])
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) }
}

describe.skipIf(withoutChromium !== "").sequential(`plots of few and many systems${withoutChromium}`, () => {
  beforeAll(async () => {
    for (const systems of sizes) {
      const folder = join(scratch, String(systems))
      mkdirSync(folder)
      await writeExperiment(folder, { systems, queries: 120, depth: 10, passages: 500 })
      await makeReport(folder, { systems })
    }
  })

  for (const systems of sizes) {
    it(`P28 no name, tick or label lies on another or is cut off, with ${systems} systems on a phone, a tablet and a screen`, () =>
      inOneChromium(pageOf(systems), async ({ complaints, page }) => {
        for (const width of [375, 768, 1280]) {
          await page.setViewportSize({ width, height: 800 })
          await until(page, drawn)
          for (const model of ["", "model-01-base"]) {
            await page.selectOption("[data-field=training]", model)
            await until(page, `document.querySelectorAll("#training svg").length === ${model === "" ? 2 : 4}`)
            expect(await page.evaluate(collisions), `${systems} systems, ${width} pixels`).toEqual([])
          }
          await page.selectOption("[data-field=cost]", "pairs")
          await until(page, `document.querySelector("#cost figcaption").textContent.includes("pairs a second")`)
          expect(await page.evaluate(collisions), `pairs, ${systems} systems, ${width} pixels`).toEqual([])
          await page.selectOption("[data-field=cost]", "time")
          // Every line is named: at the end of its curve, and beside its dot.
          const names = `[...document.querySelectorAll("#depth figure")].map((figure) => new Set([...figure.querySelectorAll(".name")].map((name) => name.textContent)).size)`
          expect(await page.evaluate(names)).toEqual([systems, systems])
        }
        expect(complaints).toEqual([])
      }))
  }

  it("P24 the depth profile has one scale side by side, logarithmic depth, and the intervals of the pair", () =>
    inOneChromium(pageOf(8), async ({ page }) => {
      await until(page, drawn)
      const ticks = (axis: string) =>
        page.evaluate(
          `[...document.querySelectorAll("#depth svg")].map((svg) => [...svg.querySelectorAll('[aria-label="${axis}-axis tick label"] text')].map((tick) => [tick.textContent, Math.round(new DOMPoint(0, 0).matrixTransform(tick.getCTM())["${axis}"])]))`,
        )
      const [left, right] = JSON.parse(JSON.stringify(await ticks("y")))
      expect(left).toEqual(right)
      const [depths]: ReadonlyArray<ReadonlyArray<readonly [string, number]>> = JSON.parse(
        JSON.stringify(await ticks("x")),
      )
      const at = new Map(depths)
      expect([...at.keys()]).toEqual(["1", "2", "3", "5", "10", "20", "50", "100"])
      // From 1 to 10 is as far as from 10 to 100.
      const [one = 0, ten = 0, hundred = 0] = ["1", "10", "100"].map((depth) => at.get(depth))
      expect(Math.abs(ten - one - (hundred - ten))).toBeLessThanOrEqual(2)
      expect(
        await page.evaluate(
          `[...document.querySelectorAll("#depth svg")].map((svg) => svg.querySelectorAll('[aria-label="area"] path').length)`,
        ),
      ).toEqual([2, 2])
      expect(await text(page, "#depth figcaption")).toContain("95 % intervals of bm25 and model-")
    }))

  it("P26 a system has one colour in the table and in every plot, and the baseline is in ink", () =>
    inOneChromium(pageOf(8), async ({ page }) => {
      await until(page, drawn)
      const colours: Readonly<Record<string, string>> = JSON.parse(
        JSON.stringify(
          await page.evaluate(`Object.fromEntries([...document.querySelectorAll(".results tbody tr")].map((row) => [
            row.querySelector("a").textContent, getComputedStyle(row.querySelector(".swatch")).backgroundColor]))`),
        ),
      )
      expect(new Set(Object.values(colours)).size).toBe(8)
      expect(colours["bm25"]).toBe("rgb(28, 27, 31)")
      const named: ReadonlyArray<readonly [part: string, name: string, colour: string]> = JSON.parse(
        JSON.stringify(
          await page.evaluate(`[...document.querySelectorAll("figure .name")].map((name) => [
            name.closest("section").id, name.textContent, getComputedStyle(name).fill])`),
        ),
      )
      const checked = new Set<string>()
      for (const [part, name, colour] of named) {
        if (!(name in colours)) continue
        expect(colour, `${name} in ${part}`).toBe(colours[name])
        checked.add(part)
      }
      expect([...checked].sort()).toEqual(["comparisons", "cost", "depth", "kinds", "training"])
    }))

  it("P27 the checkpoint that was kept is ringed on each line that has its step, and named in the caption", () =>
    inOneChromium(pageOf(3), async ({ page }) => {
      await until(page, drawn)
      const rings = `[...document.querySelectorAll("#training figure")].map((figure) => figure.querySelectorAll('svg [aria-label="dot"] path, svg [aria-label="dot"] circle').length)`
      expect(await page.evaluate(rings)).toEqual([2, 2])
      await page.selectOption("[data-field=training]", "model-01-base")
      await until(page, `document.querySelectorAll("#training svg").length === 4`)
      // The loss and its two parts, the validation, the learning rate, the norm.
      expect(await page.evaluate(rings)).toEqual([3, 1, 1, 1])
      expect(await text(page, "#training figcaption")).toContain("ringed: the checkpoint that was kept, of step 250")
      // A plan is drawn as it is, and what is noisy with its mean.
      const captions = `[...document.querySelectorAll("#training figcaption")].map((each) => each.textContent.includes("moving mean"))`
      expect(await page.evaluate(captions)).toEqual([true, false, false, true])
    }))

  it("P29 effectiveness stands against what a query took, or pairs a second, as the records say", () =>
    inOneChromium(pageOf(3), async ({ page }) => {
      await until(page, drawn)
      expect(await text(page, "#cost figcaption")).toMatch(/^nDCG@10 against milliseconds a query/)
      const rows =
        "[...document.querySelectorAll('#cost tbody tr')].map((row) => [...row.cells].map((cell) => cell.textContent))"
      const told: ReadonlyArray<ReadonlyArray<string>> = JSON.parse(JSON.stringify(await page.evaluate(rows)))
      expect(told.map(([system, , time, pairs, , device]) => [system, time, pairs, device])).toEqual([
        ["bm25", "1", "–", ""],
        ["model-01-base", "6", "20,000", "a CPU"],
        ["model-02-large-msmarco", "8", "14,286", "a CPU"],
      ])
      await page.selectOption("[data-field=cost]", "pairs")
      await until(page, `document.querySelectorAll("#cost svg .name").length === 2`)
    }))

  it("P30 what is chosen stands in the address, survives a reload, and can be linked", () =>
    inOneChromium(pageOf(3), async ({ complaints, page }) => {
      await until(page, drawn)
      expect(new URL(page.url()).hash).toBe("")
      await page.selectOption("[data-field=kind]", "browse")
      await page.selectOption("[data-field=second]", { label: "model-01-base" })
      await page.click('.results [data-sort="0"]')
      await page.fill("input[type=search]", "number 7")
      await page.selectOption("[data-field=change]", "loss")
      await page.selectOption("[data-field=depth]", "R")
      await page.check("#whole-texts")
      await page.click('.row[data-position="1"]')
      await until(page, `location.hash.includes("query=")`)
      const state = `[document.querySelector(".reader h3")?.textContent, document.querySelector(".count").textContent,
        document.querySelector("input[type=search]").value, document.querySelector("#whole-texts").checked,
        document.querySelector('.results th[aria-sort="descending"]').textContent,
        document.querySelector('.row[aria-selected="true"]')?.dataset.position,
        ...[...document.querySelectorAll("select")].map((select) => select.value)]`
      const chosen = await page.evaluate(state)
      const { hash } = new URL(page.url())
      expect(hash).toMatch(
        /^#kind=browse(?:&with=model-01-base)?&sort=RR@10&depth=R&find=number\+7&change=loss&whole=yes&query=\d+$/,
      )
      await page.reload()
      await until(page, drawn.replace(">= 8", ">= 7"))
      expect(await page.evaluate(state)).toEqual(chosen)
      // The same view by its link, in a page that shows another.
      await page.goto(page.url().replace(hash, "#kind=question"))
      await until(page, `document.querySelector("[data-field=kind]").value === "question"`)
      await page.goto(page.url().replace("#kind=question", hash))
      await until(page, `document.querySelector("[data-field=kind]").value === "browse"`)
      await until(
        page,
        `document.querySelector(".reader h3")?.textContent === ${JSON.stringify(String(JSON.parse(JSON.stringify(chosen))[0]))}`,
      )
      expect(await page.evaluate(state)).toEqual(chosen)
      // A row's link opens how it came about, beside what is chosen.
      await page.click('.results a[data-made="bm25"]')
      await page.waitForSelector('[data-entry="bm25"][open]')
      expect(new URL(page.url()).hash).toBe(`${hash}&made=bm25`)
      expect(complaints).toEqual([])
    }))

  it("P31 each plot saves as SVG and PNG on paper, in fixed colours and without tips, also from a dark page", () =>
    inOneChromium(
      pageOf(3),
      async ({ complaints, page }) => {
        await until(page, drawn)
        const figures = Number(await page.evaluate("document.querySelectorAll('figure').length"))
        expect(figures).toBe(8)
        const names = new Set<string>()
        for (let figure = 0; figure < figures; figure++) {
          const selector = `figure >> nth=${figure}`
          const button = (label: string) => page.locator(selector).locator(".save button", { hasText: label })
          const [svg] = await Promise.all([page.waitForEvent("download"), button("SVG").click()])
          names.add(svg.suggestedFilename())
          const source = readFileSync(await svg.path(), "utf8")
          expect(source).toMatch(/^<svg[^>]* xmlns="http:\/\/www.w3.org\/2000\/svg"/)
          expect(source).not.toMatch(/var\(--(?!plot)|aria-label="tip"/)
          expect(source).toMatch(/<title>.{20,}<\/title>/)
          const parsed = `(() => { const read = new DOMParser().parseFromString(${JSON.stringify(source)}, "image/svg+xml")
            return [read.querySelector("parsererror") === null, read.documentElement.getAttribute("width")] })()`
          expect(await page.evaluate(parsed)).toEqual([true, "640"])
          const [png] = await Promise.all([page.waitForEvent("download"), button("PNG").click()])
          const bytes = readFileSync(await png.path())
          expect(bytes.subarray(1, 4).toString("latin1")).toBe("PNG")
          // Three dots to a pixel, on white.
          expect(bytes.readUInt32BE(16)).toBe(1920)
          const corner = `(async () => { const image = new Image(); image.src = "data:image/png;base64,${bytes.toString("base64")}"; await image.decode()
            const canvas = new OffscreenCanvas(image.width, image.height); const context = canvas.getContext("2d"); context.drawImage(image, 0, 0)
            const all = context.getImageData(0, 0, image.width, image.height).data
            return [[...all.slice(0, 4)].join(), all.some((value) => value < 128)] })()`
          expect(await page.evaluate(corner)).toEqual(["255,255,255,255", true])
        }
        expect(names.size).toBe(figures)
        expect(complaints).toEqual([])
      },
      { colorScheme: "dark" },
    ))

  it("P32 each table saves as CSV and LaTeX: results, a query's measures, speeds, and what each plot shows", () =>
    inOneChromium(pageOf(3), async ({ complaints, page }) => {
      await until(page, drawn)
      const results = await saved(page, "#results", "CSV")
      expect(results.name).toBe("made-test.csv")
      const lines = results.bytes.toString("utf8").trim().split("\r\n")
      expect(lines[0]).toBe("System,RR@10,nDCG@5,nDCG@10,AP,R@100,Unjudged@10")
      const shown =
        await page.evaluate(`[...document.querySelectorAll(".results tbody tr")].map((row) => [row.querySelector("a").textContent,
        ...[...row.querySelectorAll(".figure")].map((figure) => figure.firstChild.textContent)])`)
      const rounded = lines.slice(1).map((line) => {
        const [system, ...values] = line.split(",")
        return [system, ...values.slice(0, -1).map((value) => Number(value).toFixed(4))]
      })
      expect(rounded).toEqual(shown)
      expect((await saved(page, "#results", "LaTeX")).bytes.toString("utf8")).toContain("\\toprule")
      expect((await saved(page, ".reader", "CSV")).bytes.toString("utf8")).toMatch(/^Measure,bm25,model-0/)
      expect((await saved(page, "#throughput", "CSV")).bytes.toString("utf8")).toMatch(/^Reranker,Pairs,Time,/)
      const differences = (await saved(page, "#differences", "CSV")).bytes.toString("utf8").trim().split("\r\n")
      expect(differences).toHaveLength(121)
      const tables = await page.evaluate(
        `[...document.querySelectorAll("main table")].filter((table) => table.closest("[hidden]") === null &&
          (table.closest("figure") ?? table.closest("section > .content, header")).querySelector(".save") === null).length`,
      )
      expect(tables).toBe(0)
      expect(complaints).toEqual([])
    }))
})
