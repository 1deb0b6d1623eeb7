import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest"
import {
  type Manifest,
  type Plan,
  preview,
  type RunEvent,
  run,
  type StorePlace,
  shrinkCache,
  verifyStore,
} from "../../../pipeline/index.ts"
import { contentHash, folderContent } from "../../../pipeline/store/FolderContent.ts"
import { s3Remote } from "../../../pipeline/store/S3Remote.ts"
import { sealedRecord } from "../../../pipeline/store/SealedRecord.ts"
import { isPathWithin } from "../../../pipeline/store/SharedResults.ts"
import { causeText } from "../../../schemas/index.ts"
import {
  type S3Server,
  s3Environment,
  s3Store,
  s3User,
  signatureOf,
  startAnsweringProxy,
  startHarmfulProxy,
  startS3,
} from "../../support/s3Server.ts"
import { diamond, make, planOf, services, setMischief } from "../../support/smallDag.ts"

vi.setConfig({ testTimeout: 60_000 })

const scratch = mkdtempSync(join(tmpdir(), "rankdag-remote-"))
afterEach(() => setMischief({}))

let s3: S3Server
beforeAll(async () => {
  s3 = await startS3(join(scratch, "s3"))
})
afterAll(async () => {
  await s3.stop()
  rmSync(scratch, { recursive: true, force: true })
})

let fresh = 0
const freshPath = (name: string): string => join(scratch, `${name}-${fresh++}`)

/** A node's name without its stage's. */
const label = (name: string): string => name.replace(/^.*\./, "")

const runIn = async (place: string | StorePlace, plan: Plan = diamond(), force: ReadonlyArray<string> = []) => {
  const events: Array<RunEvent> = []
  const report = await Effect.runPromise(
    run(plan, { force, onEvent: (event) => events.push(event) }).pipe(Effect.provide(services(place))),
  )
  return {
    report,
    statuses: Object.fromEntries(report.nodes.map(({ name, status }) => [label(name), status])),
    hashes: Object.fromEntries(report.nodes.map(({ name, outputs }) => [label(name), outputs["text"]?.hash])),
    moved: events
      .flatMap((event) => (event._tag === "NodeMoved" ? [`${event.direction} ${label(event.node)}`] : []))
      .sort(),
    notices: events.flatMap((event) => (event._tag === "StoreNotice" ? [event.message] : [])),
    warnings: events.flatMap((event) => (event._tag === "NodeWarning" ? [event.message] : [])),
  }
}

const nodes = ["a", "left", "right", "top", "count"]
const all = (status: string) => Object.fromEntries(nodes.map((name) => [name, status]))

const filesBelow = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .sort()

/** The files of the bucket that hold objects' bytes. */
const bucketFiles = (prefix: string, below = ""): ReadonlyArray<string> =>
  filesBelow(join(s3.bucket, prefix, below)).filter((path) => path.endsWith("._S3rver_object"))

const flip = (path: string): void => {
  const bytes = readFileSync(path)
  bytes[0]! ^= 1
  writeFileSync(path, bytes)
}

const objectsIn = (store: string): ReadonlyArray<string> =>
  readdirSync(join(store, "objects")).flatMap((prefix) => readdirSync(join(store, "objects", prefix)))

const places: ReadonlyArray<readonly [string, (shared: string) => (store: string) => StorePlace]> = [
  ["a folder", (shared) => (directory) => ({ directory, remote: { address: join(scratch, shared), environment: {} } })],
  ["s3", (shared) => (directory) => s3Store(directory, s3.port, shared)],
]

describe.each(places)("what lies behind a store: %s", (kind, of) => {
  it("C150 what one made another has: nothing runs, and what was asked for alone is pulled", async () => {
    const at = of(`first-${kind.length}`)
    const mine = await runIn(at(freshPath("mine")))
    expect(mine.statuses).toEqual(all("ran"))
    expect(mine.moved).toEqual(nodes.map((name) => `pushed ${name}`).sort())
    const theirs = freshPath("theirs")
    const second = await runIn(at(theirs))
    expect([second.statuses, second.hashes, second.moved]).toEqual([all("hit"), mine.hashes, ["pulled count"]])
    expect(objectsIn(theirs)).toEqual([mine.hashes["count"]])
    for (const { reason } of second.report.nodes) {
      expect(reason).toMatchObject({ _tag: "Hit", from: expect.stringContaining("first-") })
    }
    const third = await runIn(at(theirs))
    expect([third.statuses, third.moved]).toEqual([all("hit"), []])
    const sound = await Effect.runPromise(verifyStore().pipe(Effect.provide(services(theirs))))
    expect([sound.damaged, sound.unreadable, sound.orphans, sound.results]).toEqual([[], [], [], 1])
  })

  it("C151 of what has to run the inputs are pulled, and nothing else", async () => {
    const at = of(`inputs-${kind.length}`)
    const mine = await runIn(at(freshPath("mine")))
    const theirs = await runIn(at(freshPath("theirs")), diamond({ top: "another" }))
    expect(theirs.statuses).toEqual({ ...all("hit"), top: "ran", count: "ran" })
    expect(theirs.moved).toEqual(["pulled left", "pulled right", "pushed count", "pushed top"])
    expect(theirs.hashes["left"]).toBe(mine.hashes["left"])
  })

  it("C152 a dry run says what the remote has, and writes nothing", async () => {
    const at = of(`dry-${kind.length}`)
    await runIn(at(freshPath("mine")))
    const theirs = freshPath("theirs")
    const previews = await Effect.runPromise(
      preview(diamond({ count: "another" })).pipe(Effect.provide(services(at(theirs)))),
    )
    expect(previews.map(({ name, status }) => [label(name), status])).toEqual([
      ...nodes.slice(0, 4).map((name) => [name, "hit"]),
      ["count", "run"],
    ])
    for (const { reason } of previews.slice(0, 4)) {
      expect(reason).toMatchObject({ _tag: "Hit", from: expect.stringContaining("dry-") })
    }
    expect(existsSync(theirs)).toBe(false)
  })

  it("C153 other bytes under a key are told with both hashes, and the first stay", async () => {
    const at = of(`twice-${kind.length}`)
    const plan = () => {
      const a = make({ node: "a", text: "a", used: true }, {}, "a")
      return planOf({ eval: a.text })
    }
    setMischief({ random: ["a"] })
    const mine = await runIn(at(freshPath("mine")), plan())
    const theirs = freshPath("theirs")
    const second = await runIn(at(theirs), plan(), ["make.a"])
    expect(second.statuses).toEqual({ a: "ran" })
    expect(second.hashes).toEqual(mine.hashes)
    const told = second.warnings.find((warning) => warning.startsWith("nondeterministic: "))
    expect(told).toContain(mine.hashes["a"])
    expect(new Set(told?.match(/[0-9a-f]{64}/g)).size).toBe(2)
    expect(second.report.nodes[0]?.warnings).toContain(told)
    expect(await runIn(at(theirs), plan())).toMatchObject({
      statuses: { a: "hit" },
      hashes: mine.hashes,
      warnings: ["a warns"],
    })
  })

  it("C154 what a folder has already is shared when a run uses it", async () => {
    const at = of(`later-${kind.length}`)
    const mine = freshPath("mine")
    await runIn(mine)
    expect((await runIn(at(mine))).moved).toEqual(nodes.map((name) => `pushed ${name}`).sort())
    expect((await runIn(at(mine))).moved).toEqual([])
  })
})

describe("a shared artifact", () => {
  const prefixOf = (): string => `harm-${fresh++}`

  it("C155 wrong, shortened and missing bytes in the bucket are never read: made again, and mended there", async () => {
    const harms: ReadonlyArray<(path: string) => void> = [flip, (path) => truncateSync(path, 1), (path) => rmSync(path)]
    const prefix = prefixOf()
    const mine = await runIn(s3Store(freshPath("mine"), s3.port, prefix))
    const files = bucketFiles(prefix, "objects")
    expect(files.length).toBeGreaterThan(harms.length)
    for (const [i, path] of files.entries()) harms[i % harms.length]?.(path)
    const second = await runIn(s3Store(freshPath("theirs"), s3.port, prefix))
    expect([second.statuses, second.hashes]).toEqual([all("ran"), mine.hashes])
    const third = await runIn(s3Store(freshPath("third"), s3.port, prefix))
    expect([third.statuses, third.hashes, third.moved]).toEqual([all("hit"), mine.hashes, ["pulled count"]])
  })

  it("C155 what is damaged in the folder comes from the bucket, and nothing is made again", async () => {
    const place = s3Store(freshPath("mine"), s3.port, prefixOf())
    const first = await runIn(place)
    for (const name of ["left", "count"]) {
      const hash = first.hashes[name] ?? ""
      const path = join(place.directory, "objects", hash.slice(0, 2), hash, "text.txt")
      const bytes = readFileSync(path)
      rmSync(path)
      bytes[0]! ^= 1
      writeFileSync(path, bytes)
    }
    const second = await runIn(place, diamond({ top: "another" }))
    expect(second.statuses).toEqual({ ...all("hit"), top: "ran", count: "ran" })
    expect(second.moved).toEqual(["pulled left", "pushed count", "pushed top"])
    expect(second.report.damaged.map(({ node }) => label(node))).toEqual(["left"])
    const third = await runIn(place)
    expect([third.statuses, third.hashes, third.moved]).toEqual([all("hit"), first.hashes, ["pulled count"]])
    const sound = await Effect.runPromise(verifyStore().pipe(Effect.provide(services(place.directory))))
    expect([sound.damaged, sound.unreadable]).toEqual([[], []])
  })

  it("C151 two runs at once on one folder pull each input once", async () => {
    const prefix = prefixOf()
    setMischief({ megabytes: { a: 4 } })
    const mine = await runIn(s3Store(freshPath("mine"), s3.port, prefix))
    const theirs = s3Store(freshPath("theirs"), s3.port, prefix)
    const both = await Promise.all([
      runIn(theirs, diamond({ left: "another" })),
      runIn(theirs, diamond({ right: "another" })),
    ])
    const pulled = both.flatMap(({ moved }) => moved.filter((line) => line.startsWith("pulled"))).sort()
    expect(pulled).toEqual(["pulled a", "pulled left", "pulled right"])
    expect(both.map(({ hashes }) => hashes["a"])).toEqual([mine.hashes["a"], mine.hashes["a"]])
  })

  it("C155 a record that is damaged in the bucket is a miss, and written anew", async () => {
    const prefix = prefixOf()
    const mine = await runIn(s3Store(freshPath("mine"), s3.port, prefix))
    for (const path of bucketFiles(prefix, "manifests")) truncateSync(path, statSync(path).size - 1)
    const second = await runIn(s3Store(freshPath("theirs"), s3.port, prefix))
    expect([second.statuses, second.hashes]).toEqual([all("ran"), mine.hashes])
    expect((await runIn(s3Store(freshPath("third"), s3.port, prefix))).statuses).toEqual(all("hit"))
  })

  it("C156 a manifest whose paths lead out of its artifact is a miss, and nothing is written outside", async () => {
    for (const path of ["../x", "/x", "a/../../x", "a//b", "./x", "a\\..\\x", "C:x", "", "a/", "x\0"]) {
      expect(isPathWithin(path), path).toBe(false)
    }
    for (const path of ["x", "a/b.parquet", "..x", "ä ö/+%20"]) expect(isPathWithin(path), path).toBe(true)
    const prefix = prefixOf()
    const outside = join(scratch, "outside.txt")
    await runIn(s3Store(freshPath("mine"), s3.port, prefix))
    for (const file of bucketFiles(prefix, "manifests")) {
      const written = readFileSync(file, "utf8").replace(/,"digest":"[0-9a-f]{64}"\}$/, "}")
      const manifest: Manifest = JSON.parse(written)
      const files = (manifest.outputs["text"]?.files ?? []).map((each) => ({ ...each, path: `../../..${outside}` }))
      const outputs = { text: { hash: contentHash(files), bytes: 1, files } }
      writeFileSync(file, sealedRecord(JSON.stringify({ ...manifest, outputs })))
    }
    expect((await runIn(s3Store(freshPath("theirs"), s3.port, prefix))).statuses).toEqual(all("ran"))
    expect(existsSync(outside)).toBe(false)
  })

  it("C157 connections cut or changed at random bytes: nothing wrong is read, and the work is done", async () => {
    let seed = 1
    const draw = (below: number): number => {
      seed = (seed * 48_271) % 2_147_483_647
      return seed % below
    }
    const proxy = await startHarmfulProxy(s3.port, () => {
      switch (draw(4)) {
        case 0:
          return { cutAnswerAt: draw(1500) }
        case 1:
          return { cutRequestAt: draw(2500) }
        case 2:
          return { flipAnswerAt: draw(6000) }
        default:
          return { cutAnswerAt: 2000 + draw(20_000) }
      }
    })
    try {
      const truth = await runIn(freshPath("alone"))
      // How many connections there are is a matter of time.
      for (let round = 0; round < 20 && (proxy.done.cut < 12 || proxy.done.flipped < 3); round++) {
        const prefix = prefixOf()
        for (let machine = 0; machine < 2; machine++) {
          const store = freshPath("machine")
          const { hashes, statuses } = await runIn(s3Store(store, proxy.port, prefix))
          expect(hashes).toEqual(truth.hashes)
          expect(Object.keys(statuses)).toEqual(nodes)
          const sound = await Effect.runPromise(verifyStore().pipe(Effect.provide(services(store))))
          expect([sound.damaged, sound.unreadable]).toEqual([[], []])
        }
      }
      expect(proxy.done.cut).toBeGreaterThanOrEqual(12)
      expect(proxy.done.flipped).toBeGreaterThanOrEqual(3)
    } finally {
      await proxy.stop()
    }
  })

  it("C158 large files go and come in parts, and go on after a cut from where it was", async () => {
    const plan = () => planOf({ eval: make({ node: "large", text: "large", used: true }, {}, "large").text })
    setMischief({ megabytes: { large: 34 } })
    const prefix = prefixOf()
    const mine = await runIn(s3Store(freshPath("mine"), s3.port, prefix), plan())
    let connections = 0
    const proxy = await startHarmfulProxy(s3.port, () => (connections++ < 6 ? { cutAnswerAt: 5_000_000 } : {}))
    try {
      const theirs = await runIn(s3Store(freshPath("theirs"), proxy.port, prefix), plan())
      expect([theirs.statuses, theirs.hashes, theirs.moved]).toEqual([{ large: "hit" }, mine.hashes, ["pulled large"]])
      expect(proxy.done.cut).toBeGreaterThan(3)
    } finally {
      await proxy.stop()
    }
  })

  it("C34 an interruption ends a transfer in either direction, and leaves no lock, no work area and no part of it", async () => {
    const plan = planOf({ eval: make({ node: "large", text: "large", used: true }, {}, "large").text })
    setMischief({ megabytes: { large: 34 } })
    const prefix = prefixOf()
    const interrupted = async (directory: string): Promise<string> => {
      const stop = new AbortController()
      const onEvent = (event: RunEvent): void => {
        if (event._tag === "NodeMoving") stop.abort()
      }
      const place = s3Store(directory, s3.port, prefix)
      const exit = await Effect.runPromiseExit(run(plan, { onEvent }).pipe(Effect.provide(services(place))), {
        signal: stop.signal,
      })
      for (const folder of ["locks", "tmp"]) expect(readdirSync(join(directory, folder)), folder).toEqual([])
      return Exit.isInterrupted(exit) ? "interrupted" : "ended"
    }
    const mine = freshPath("mine")
    expect(await interrupted(mine)).toBe("interrupted")
    expect(existsSync(join(s3.bucket, prefix, "manifests"))).toBe(false)
    const made = await runIn(s3Store(mine, s3.port, prefix), plan)
    expect([made.statuses, made.moved]).toEqual([{ large: "hit" }, ["pushed large"]])
    const theirs = freshPath("theirs")
    expect(await interrupted(theirs)).toBe("interrupted")
    expect(objectsIn(theirs)).toEqual([])
    expect((await runIn(s3Store(theirs, s3.port, prefix), plan)).hashes).toEqual(made.hashes)
  })

  it("C159 a busy server is asked again; objects are written before the manifest that names them", async () => {
    const prefix = prefixOf()
    const asked = new Map<string, number>()
    const written: Array<string> = []
    const proxy = await startAnsweringProxy(s3.port, ({ method, path }) => {
      const times = (asked.get(`${method} ${path}`) ?? 0) + 1
      asked.set(`${method} ${path}`, times)
      if (times < 3) return times === 1 ? { status: 503, code: "SlowDown" } : { status: 500, code: "InternalError" }
      if (method === "PUT") written.push(path)
      return undefined
    })
    try {
      const plan = planOf({ eval: make({ node: "a", text: "a", used: true }, {}, "a").text })
      const { notices, statuses } = await runIn(s3Store(freshPath("mine"), proxy.port, prefix), plan)
      expect([statuses, notices]).toEqual([{ a: "ran" }, []])
      expect(written.map((path) => path.replace(/^.*\/(objects|manifests)\/.*$/, "$1"))).toEqual([
        "objects",
        "objects",
        "manifests",
      ])
    } finally {
      await proxy.stop()
    }
  })

  it("C159 who may read and not write goes on with what is there, and is told once; who may not read is told why", async () => {
    const prefix = prefixOf()
    const mine = await runIn(s3Store(freshPath("mine"), s3.port, prefix))
    let refused = "PUT"
    const proxy = await startAnsweringProxy(s3.port, ({ method }) =>
      method === refused ? { status: 403, code: "AccessDenied", message: "not S3RVER" } : undefined,
    )
    try {
      const theirs = await runIn(s3Store(freshPath("theirs"), proxy.port, prefix), diamond({ top: "another" }))
      expect(theirs.statuses).toEqual({ ...all("hit"), top: "ran", count: "ran" })
      expect(theirs.hashes["left"]).toBe(mine.hashes["left"])
      expect(theirs.notices).toEqual([expect.stringMatching(/^What is made stays in .* alone: .*403 \(AccessDenied/)])
      refused = "GET"
      const told = await runIn(s3Store(freshPath("none"), proxy.port, prefix)).then(
        () => "",
        (error: unknown) => causeText(error),
      )
      expect(told).toMatch(/s3:\/\/lab\/.* failed while reading manifests\/.*403 \(AccessDenied.*s3:GetObject/)
      expect(`${told}${theirs.notices.join()}`).not.toContain("S3RVER")
    } finally {
      await proxy.stop()
    }
  })

  it("C161 requests are signed as S3 wants it, whatever characters a path has, with a session's token", async () => {
    // The example of AWS's documentation.
    const example = {
      method: "GET",
      url: "/test.txt",
      headers: {
        authorization:
          "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature=0",
        host: "examplebucket.s3.amazonaws.com",
        range: "bytes=0-9",
        "x-amz-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "x-amz-date": "20130524T000000Z",
      },
    }
    expect(signatureOf(example, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")).toBe(
      "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    )
    const asked: Array<string> = []
    const proxy = await startAnsweringProxy(s3.port, ({ method, path }) => void asked.push(`${method} ${path}`))
    const folder = freshPath("odd")
    const names = ["a b+c", "ä/ö!'()*~", "100%", "q?x=1&y#z", "ö=;:@,$"]
    for (const name of names) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), name)
    }
    writeFileSync(join(folder, "large"), Buffer.alloc(17 * 1024 * 1024, 7))
    try {
      const user = { ...s3User, AWS_SESSION_TOKEN: "a+token/of=this" }
      const environment = s3Environment(proxy.port, user)
      const place = { bucket: "lab", prefix: "o d/d+", address: "s3://lab/o d/d+", environment, insecure: false }
      const content = await Effect.runPromise(folderContent(folder))
      const copy = freshPath("copy")
      mkdirSync(copy)
      await Effect.runPromise(
        Effect.scoped(
          Effect.gen(function* () {
            const remote = yield* s3Remote(place)
            yield* remote.push(content, folder, false, () => {})
            yield* remote.pull(content.hash, content.files, copy, () => {})
          }),
        ),
      )
      expect((await Effect.runPromise(folderContent(copy))).hash).toBe(content.hash)
      expect(asked.some((line) => line.startsWith("POST") && line.includes("uploads="))).toBe(true)
    } finally {
      await proxy.stop()
    }
  })

  it("C160 credentials are in no file of the store or the bucket, nor in what is said", async () => {
    const user = {
      AWS_ACCESS_KEY_ID: "S3RVER",
      AWS_SECRET_ACCESS_KEY: "S3RVER",
      AWS_SESSION_TOKEN: "token-of-this-session",
    }
    const store = freshPath("mine")
    const prefix = prefixOf()
    const environment = s3Environment(s3.port, user)
    const { report } = await runIn({ directory: store, remote: { address: `s3://lab/${prefix}`, environment } })
    const refused = await runIn({
      directory: freshPath("none"),
      remote: { address: "s3://none/x", environment },
    }).catch(String)
    expect(refused).toContain("Make the bucket")
    const secrets = /S3RVER|token-of-this-session/
    expect(`${JSON.stringify(report)} ${JSON.stringify(refused)}`).not.toMatch(secrets)
    const files = [...filesBelow(store), ...bucketFiles(prefix)]
    expect(files.length).toBeGreaterThan(20)
    for (const file of files) expect(readFileSync(file, "latin1"), file).not.toMatch(secrets)
  })

  it("C163 the local folder is kept within a size by least use; what latest points at, and what is here alone, stays", async () => {
    const place = s3Store(freshPath("mine"), s3.port, prefixOf())
    const shrink = (bytes: number) => Effect.runPromise(shrinkCache(bytes).pipe(Effect.provide(services(place))))
    const alone = await runIn(place.directory, diamond({ a: "alone" }))
    const first = await runIn(place, diamond({ a: "first" }))
    const second = await runIn(place, diamond({ a: "second" }))
    const before = new Set(objectsIn(place.directory))
    const sizes = await shrink(1e9)
    expect(sizes).toMatchObject({ objects: 0, keptBytes: expect.any(Number) })

    // The one that was used longest ago goes first.
    expect(await shrink(sizes.keptBytes - 1)).toMatchObject({ objects: 1, busy: [] })
    const [gone] = [...before].filter((hash) => !objectsIn(place.directory).includes(hash))
    expect(Object.values(first.hashes)).toContain(gone)

    expect((await shrink(0)).objects).toBe(4)
    const left = objectsIn(place.directory)
    for (const hash of Object.values(alone.hashes)) expect(left).toContain(hash)
    for (const hash of Object.values(second.hashes)) expect(left).toContain(hash)
    for (const hash of Object.values(first.hashes)) expect(left).not.toContain(hash)
    const sound = await Effect.runPromise(verifyStore().pipe(Effect.provide(services(place.directory))))
    expect([sound.damaged, sound.unreadable, sound.orphans]).toEqual([[], [], []])
    expect(await runIn(place, diamond({ a: "first" }))).toMatchObject({ statuses: all("hit"), moved: ["pulled count"] })
  })
})
