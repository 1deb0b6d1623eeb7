import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { until, withoutChromium } from "../support/browser.ts"
import { dag } from "../support/commandLine.ts"
import { makeReport, writeExperiment } from "../support/madeReport.ts"
import { inOneChromium } from "../support/oneBrowser.ts"

const scratch = mkdtempSync(join(tmpdir(), "rankdag-report-"))
const store = join(scratch, "store")
const collection = join(scratch, "hostile")
const on = ["--dataset", collection, "--artifacts", store, "--target", "report"]
const page = join(store, "latest/report/index.html")
const large = join(scratch, "large")
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

// A browser, and several whole runs, on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 })

const attack = "<script>document.title='taken'</script><img src=x onerror=alert(1)>"
const texts = {
  d1: `The tower ${attack} of the harbour --> ]]> </script></style></title> &lt;b&gt; &amp;`,
  d2: "Broken \ud800 and \u0000 and \u202etold backwards\u202c, a \u2028 line and a \ufeff mark, \u{1f5fc} tower",
  d3: "Fresh bread is sold at the market every morning by the bakers.",
  d4: "The market opens at seven in the morning, and bread comes at eight.",
}
const queries = {
  q1: `when was the tower ${attack} built?`,
  q2: "bread market morning",
  "q3<b>": "</script>\"'&lt; towers of harbours",
}

const lines = (rows: ReadonlyArray<unknown>): string => rows.map((row) => `${JSON.stringify(row)}\n`).join("")

const writeHostileCollection = (): void => {
  mkdirSync(join(collection, "qrels"), { recursive: true })
  const passages = Object.entries(texts).map(([_id, text]) => ({ _id, title: attack, text }))
  writeFileSync(join(collection, "corpus.jsonl"), lines(passages))
  writeFileSync(join(collection, "queries.jsonl"), lines(Object.entries(queries).map(([_id, text]) => ({ _id, text }))))
  const qrels = [
    ["query-id", "corpus-id", "score"],
    ["q1", "d1", 2],
    ["q1", "d2", 1],
    ["q2", "d3", 1],
    ["q2", "d4", 0],
    ["q3<b>", "d2", 1],
  ]
  writeFileSync(join(collection, "qrels/test.tsv"), qrels.map((row) => `${row.join("\t")}\n`).join(""))
}

const text = (selector: string): string => `(document.querySelector(${JSON.stringify(selector)})?.textContent ?? "")`
const count = (selector: string): string => `document.querySelectorAll(${JSON.stringify(selector)}).length`

/** The chosen query's results: for each system its rows' rank, grade, move and docid. */
const columns = `[...document.querySelectorAll(".reader .column")].map((column) => ({
  system: column.querySelector("h4").textContent,
  rows: [...column.querySelectorAll(".passage")].map((row) => [
    row.querySelector(".rank").textContent, row.querySelector(".grade").textContent, row.querySelector(".move").textContent,
    row.querySelector(".docid").textContent,
  ]),
}))`

describe.sequential("the page of a hostile collection", () => {
  beforeAll(async () => {
    writeHostileCollection()
    const made = await dag(...on)
    expect(made.code, made.err).toBe(0)
    expect(made.out).toMatch(/^.*latest\/report\/index\.html$/m)
  })

  it("P1 stands in one file that forbids every request", () => {
    const html = readFileSync(page, "utf8")
    expect(html).toMatch(/<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'sha256-/)
    expect(html).not.toMatch(/<(?:link|img|iframe|script src)\b/)
    expect(html.match(/<script>/g)).toHaveLength(1)
  })

  it("P2 texts are written as text: nothing of them is markup, in the file or in its data", () => {
    const html = readFileSync(page, "utf8")
    expect(html).not.toContain(attack)
    expect(html).not.toContain("<img")
  })

  it("P3 the headline and the table stand in the file as it is, before any code runs", () => {
    const html = readFileSync(page, "utf8")
    const beforeCode = html.slice(html.indexOf("<body>"), html.indexOf("<script"))
    expect(beforeCode).toMatch(/<h1 id="headline">(?:No system can be told from bm25|All 3 systems tie) on 3 queries/)
    for (const system of ["tfidf", "wink-bm25", "bm25"]) expect(beforeCode).toContain(`>${system}</a>`)
    expect(beforeCode).toContain("RR@10")
  })

  it("P9 the same results make the same bytes, and make them once", async () => {
    expect((await dag(...on, "--assert-hit")).code).toBe(0)
    const forced = await dag(...on, "--force", "report")
    expect(forced.code).toBe(0)
    expect(forced.err).not.toContain("nondeterministic")
  })

  it.skipIf(withoutChromium !== "")(
    `P1 P2 in a browser it makes no request, complains of nothing and runs no text of the collection${withoutChromium}`,
    () =>
      inOneChromium(page, async ({ page: opened, complaints }) => {
        await opened.waitForSelector(".reader .passage")
        for (const system of ["tfidf", "wink-bm25"]) {
          await opened.selectOption("[data-field=second]", { label: system })
          for (let query = 0; query < 3; query++) {
            await opened.click(`.row[data-position="${query}"]`)
            await until(opened, `document.querySelector('.row[aria-selected=true]').dataset.position === '${query}'`)
            await until(
              opened,
              `document.querySelector('.reader h3').textContent === document.querySelector('.row[aria-selected=true] .text').textContent`,
            )
            expect(Object.values(queries)).toContain(await opened.evaluate(text(".reader h3")))
          }
        }
        await opened.fill("input[type=search]", "when was the tower")
        await opened.click('.row[data-position="0"]')
        await until(opened, `document.querySelector('.reader h3').textContent.startsWith('when was')`)
        expect(await opened.evaluate(text('.reader .column [data-docid="d1"] .text'))).toBe(texts.d1)
        expect(await opened.evaluate(text('.reader .column [data-docid="d1"] .title'))).toBe(attack)
        expect(await opened.evaluate(text('.reader .column [data-docid="d2"] .text'))).toContain("Broken \ufffd and")
        expect(await opened.title()).toBe("hostile · rankdag report")
        expect(complaints).toEqual([])
      }),
  )

  it.skipIf(withoutChromium !== "")(
    `P6 both rankings are those of the runs, with grades, and a move is the difference of the ranks${withoutChromium}`,
    async () => {
      const asked = await dag(
        "sql",
        "SELECT system, docid, rank, grade FROM runs LEFT JOIN qrels USING (dataset, qid, docid) WHERE qid = 'q2' AND system IN ('bm25', 'tfidf') ORDER BY system, rank",
        ...["--artifacts", store, "--format", "json"],
      )
      const rows: ReadonlyArray<{ system: string; docid: string; rank: number; grade: number | null }> = JSON.parse(
        asked.out,
      )
      const ranked = (system: string, other: string) =>
        rows
          .filter((row) => row.system === system)
          .map(({ docid, rank, grade }) => {
            const elsewhere = rows.find((row) => row.system === other && row.docid === docid)?.rank
            const up = (elsewhere ?? rank) - rank
            const move = elsewhere === undefined ? "new" : up === 0 ? "=" : `${up > 0 ? "▲" : "▼"}${Math.abs(up)}`
            return [String(rank), grade === null ? "–" : `grade ${grade}`, move, docid]
          })
      await inOneChromium(page, async ({ page: opened }) => {
        await opened.selectOption("[data-field=first]", { label: "tfidf" })
        await opened.selectOption("[data-field=second]", { label: "bm25" })
        await opened.fill("input[type=search]", "q2")
        await opened.click('.row[data-position="0"]')
        await until(opened, `document.querySelector('.reader h3')?.textContent === 'bread market morning'`)
        expect(await opened.evaluate(columns)).toEqual([
          { system: "tfidf", rows: ranked("tfidf", "bm25") },
          { system: "bm25", rows: ranked("bm25", "tfidf") },
        ])
        expect(
          await opened.evaluate(
            `[...document.querySelectorAll('[data-docid=d3] .text mark')].map((mark) => mark.textContent)`,
          ),
        ).toEqual(expect.arrayContaining(["bread", "market", "morning"]))
      })
    },
  )

  it.skipIf(withoutChromium !== "")(
    `P8 each row leads to how it came about: run, key, settings, code, versions, time${withoutChromium}`,
    () =>
      inOneChromium(page, async ({ page: opened, complaints }) => {
        await opened.waitForSelector('[data-entry="bm25"]', { state: "attached" })
        await opened.click('.results a[data-made="bm25"]')
        await opened.waitForSelector('[data-entry="bm25"][open] dl')
        const told = String(await opened.evaluate(text('[data-entry="bm25"]')))
        const lineage = await dag("lineage", "retrieve.bm25", "--artifacts", store, "--json")
        const {
          results,
          roots,
        }: { results: ReadonlyArray<Record<string, string>>; roots: ReadonlyArray<{ hash: string }> } = JSON.parse(
          lineage.out,
        )
        for (const { key, node } of results) {
          expect(told).toContain(key)
          expect(told).toContain(node)
        }
        for (const { hash } of roots) expect(told).toContain(hash)
        expect(told).toContain('"k1": 0.9')
        expect(told).toMatch(/20\d\d-\d\d-\d\dT\d\d:\d\d/)
        expect(told).toContain(`Node.js ${process.version}`)
        expect(complaints).toEqual([])
      }),
  )
})

describe.skipIf(withoutChromium !== "").sequential(`the page of ten thousand queries${withoutChromium}`, () => {
  let file = ""
  beforeAll(async () => {
    mkdirSync(large)
    const size = { systems: 3, queries: 10_000, depth: 10, passages: 2_000 }
    await writeExperiment(large, size)
    file = await makeReport(large, size)
  })

  it("P4 what is chosen above changes the headline, the table, the plots and the list together", () =>
    inOneChromium(file, async ({ page: opened, complaints }) => {
      await opened.waitForSelector("#differences figure svg")
      const before = await opened.evaluate(text("#results .note"))
      expect(before).toContain("10,000 queries of made · test")
      expect(await opened.evaluate(text(".count"))).toBe("10,000 queries")
      await opened.selectOption("[data-field=kind]", "browse")
      await until(opened, `${text(".count")} === "3,334 queries"`)
      expect(await opened.evaluate(text("#results .note"))).toContain(
        "3,334 queries of made · test that are browse queries",
      )
      await opened.selectOption("[data-field=measure]", { label: "AP" })
      await until(opened, `${text("#differences figcaption")}.startsWith("AP: ")`)
      expect(await opened.evaluate(text("#kinds figcaption"))).toContain("AP for question queries and browse queries")
      expect(await opened.evaluate(text("#headline"))).toMatch(
        /^No system can be told from bm25 on 3,334 browse queries; [\d,]+ would be needed$/,
      )
      expect(await opened.evaluate(text("#deck"))).toMatch(/^AP on made, test split: the largest difference is [+−]0\./)
      await opened.click('.results [data-sort="3"]')
      expect(await opened.getAttribute('.results th[aria-sort="descending"]', "class")).toBe("number")
      const column = await opened.evaluate(
        `[...document.querySelectorAll(".results tbody tr")].map((row) => row.cells[4].textContent)`,
      )
      expect(column).toEqual([...(Array.isArray(column) ? column : [])].sort().reverse())
      expect(complaints).toEqual([])
    }))

  it("P5 queries are found by words, change and order, and read by keys", () =>
    inOneChromium(file, async ({ page: opened, complaints }) => {
      await opened.waitForSelector(".reader h3")
      await opened.keyboard.press("/")
      await opened.keyboard.type("number 77")
      await until(opened, `${text(".count")} === "111 queries"`)
      await opened.keyboard.press("Escape")
      await opened.keyboard.press("Home")
      await opened.waitForSelector('.row[data-position="0"][aria-selected="true"]')
      await opened.keyboard.press("ArrowDown")
      await opened.keyboard.press("j")
      await opened.keyboard.press("j")
      await opened.keyboard.press("k")
      await opened.waitForSelector('.row[data-position="2"][aria-selected="true"]')
      await until(opened, `${text(".reader h3")} === ${text('.row[aria-selected="true"] .text')}`)
      await opened.keyboard.press("End")
      await opened.waitForSelector('.row[data-position="110"][aria-selected="true"]')
      await opened.selectOption('select[aria-label="Change"]', "loss")
      await opened.selectOption('select[aria-label="Order"]', "loss")
      const changes = await opened.evaluate(
        `[...document.querySelectorAll(".row .values span")].map((each) => each.className)`,
      )
      expect(new Set(Array.isArray(changes) ? changes : [])).toEqual(new Set(["loss"]))
      await opened.fill("input[type=search]", "nothing is like this")
      await until(opened, `${text(".count")} === "0 queries"`)
      expect(complaints).toEqual([])
    }))

  it("P7 only the rows that are seen are in the document, wherever the list is scrolled to", () =>
    inOneChromium(file, async ({ page: opened, complaints }) => {
      await opened.waitForSelector(".row")
      for (const place of [0, 5_000, 9_990]) {
        await opened.evaluate(`document.querySelector(".list").scrollTop = ${place} * 54`)
        await opened.waitForSelector(`.row[data-position="${place}"]`)
        expect(Number(await opened.evaluate(count(".row")))).toBeLessThan(60)
      }
      const row = opened.locator('.row[data-position="9999"]')
      expect(await row.getAttribute("aria-setsize")).toBe("10000")
      expect(await row.getAttribute("aria-posinset")).toBe("10000")
      expect(complaints).toEqual([])
    }))

  it("P4 a point of the difference plot opens its query", () =>
    inOneChromium(file, async ({ page: opened, complaints }) => {
      await opened.waitForSelector("#differences figure svg")
      const plot = opened.locator("#differences figure svg")
      await plot.scrollIntoViewIfNeeded()
      const before = await opened.evaluate(text(".reader h3"))
      const { width, height } = (await plot.boundingBox()) ?? { width: 0, height: 0 }
      await plot.hover({ position: { x: 80, y: height / 2 } })
      await opened.waitForSelector('#differences svg [aria-label="tip"] text')
      const tip = String(await opened.evaluate(text('#differences svg [aria-label="tip"]')))
      await plot.click({ position: { x: 80, y: height / 2 } })
      await until(opened, `${text(".reader h3")} !== ${JSON.stringify(before)}`)
      expect(tip.replaceAll("\u200b", "")).toContain(await opened.evaluate(text(".reader h3")))
      expect(width).toBeGreaterThan(300)
      expect(complaints).toEqual([])
    }))

  it("P10 fits a phone without scrolling sideways, and is dark where the reader's system is", async () => {
    const paper = "getComputedStyle(document.body).backgroundColor"
    const light = await inOneChromium(
      file,
      async ({ page: opened }) => {
        await opened.waitForSelector(".reader .passage")
        expect(await opened.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(375)
        return opened.evaluate(paper)
      },
      { viewport: { width: 375, height: 720 }, colorScheme: "light" },
    )
    const dark = await inOneChromium(file, ({ page: opened }) => opened.evaluate(paper), { colorScheme: "dark" })
    expect(light).toBe("rgb(252, 252, 250)")
    expect(dark).toBe("rgb(23, 23, 26)")
  })

  it("P11 has landmarks, one headline, named controls, and plots that say in words and numbers what they show", () =>
    inOneChromium(file, async ({ page: opened }) => {
      await opened.waitForSelector(".reader .passage")
      for (const landmark of ["header", "nav", "main", "footer"])
        expect(await opened.evaluate(count(landmark))).toBeGreaterThan(0)
      expect(await opened.evaluate(count("h1"))).toBe(1)
      const unnamed = `[...document.querySelectorAll("select, input, section:not([hidden]), [role=listbox]")].filter((each) =>
        !(each.getAttribute("aria-label") || each.closest("label") || document.getElementById(each.getAttribute("aria-labelledby"))))
        .map((each) => each.outerHTML.slice(0, 80))`
      expect(await opened.evaluate(unnamed)).toEqual([])
      const plots = await opened.evaluate(
        `[...document.querySelectorAll("figure")].map((figure) => [
          figure.querySelector("svg").getAttribute("role"), figure.querySelector("svg").getAttribute("aria-label").length > 20,
          figure.querySelectorAll("table tbody tr").length > 0])`,
      )
      // Comparisons, kinds, depth of each kind, cost, differences, and two of training: loss and validation of all models.
      expect(plots).toEqual(Array.from({ length: 8 }, () => ["img", true, true]))
      const cells = await opened.evaluate(count(".results tbody th[scope=row]"))
      expect(cells).toBe(3)
    }))
})
