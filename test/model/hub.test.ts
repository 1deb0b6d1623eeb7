import { createHash } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type DuckDb, layerDuckDb } from "../../pipeline/index.ts"
import { ModelChoice } from "../../schemas/index.ts"
import { inspectModel, modelOf, modelSettings } from "../../stages/model/index.ts"
import { Executor } from "../support/smallExperiment.ts"
import { smallModel } from "../support/smallModels.ts"
import { temporaryFolder } from "../support/storedTable.ts"

const commit = "0123456789abcdef0123456789abcdef01234567"
const token = "hf_secret"
const folder = smallModel("bert-cross")
const asked: Array<string> = []

/** A hub with one gated repository, whose files are a small model's. */
const answer = (request: IncomingMessage, response: ServerResponse): void => {
  const path = decodeURIComponent((request.url ?? "").split("?")[0] ?? "")
  asked.push(path)
  if (request.headers.authorization !== `Bearer ${token}`) {
    response.writeHead(401, { "x-error-code": "GatedRepo" }).end()
    return
  }
  if (path === "/api/models/org/cross/revision/main") {
    const siblings = readdirSync(folder).map((rfilename) => ({ rfilename }))
    response.end(JSON.stringify({ sha: commit, siblings }))
    return
  }
  const name = path.replace(`/org/cross/resolve/${commit}/`, "")
  if (!readdirSync(folder).includes(name)) {
    response.writeHead(404, { "x-error-code": "RepoNotFound" }).end()
    return
  }
  const bytes = readFileSync(join(folder, name))
  const id = createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex")
  response.setHeader("etag", `"${id}"`).end(bytes)
}

const server = createServer(answer)
const cache = temporaryFolder("hub-cache")
let endpoint = ""
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("no port")
  endpoint = `http://127.0.0.1:${address.port}`
})
afterAll(() => server.close().closeAllConnections())

/** With the variables that Hugging Face's tools read. */
const under =
  (variables: Readonly<Record<string, string>>) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withConfigProvider(effect, ConfigProvider.fromMap(new Map(Object.entries(variables))))

const online = () => ({ HF_ENDPOINT: endpoint, HF_HUB_CACHE: cache, HF_TOKEN: token })
const offline = () => ({ HF_ENDPOINT: endpoint, HF_HUB_CACHE: cache, HF_HUB_OFFLINE: "1" })

const choice = Schema.decodeSync(ModelChoice)("org/cross")
const made = Effect.suspend(() => new Executor().make(modelOf(choice).model.node))
const live = <A, E>(effect: Effect.Effect<A, E, DuckDb>) => Effect.provide(effect, layerDuckDb())

const textOf = (path: string): string =>
  readdirSync(path)
    .sort()
    .map((name) => readFileSync(join(path, name), "latin1"))
    .join()

describe.sequential("models of the hub", () => {
  it.effect(
    "N306 a repository by name becomes the model that its files make; the commit is among facts and in the card",
    () =>
      live(
        Effect.gen(function* () {
          const { node } = modelOf(choice).model
          expect(node.name).toBe("model.hub.cross")
          expect(node._tag === "StageNode" ? node.config : {}).toEqual({
            name: "cross",
            repository: "org/cross",
            revision: "main",
          })
          const { details, facts, outputs } = yield* under(online())(made)
          expect(facts).toMatchObject({ commit, origin: `hub org/cross at commit ${commit}`, head: "classifier" })
          expect(details).toContain("model.safetensors")
          const local = yield* new Executor().make(modelOf(folder).model.node)
          const path = outputs["model"]?.path ?? ""
          for (const file of ["model.onnx", "model.safetensors", "vocab.txt"]) {
            expect(readFileSync(join(path, file))).toEqual(readFileSync(join(local.outputs["model"]?.path ?? "", file)))
          }
          expect(readFileSync(join(path, "model.json"), "utf8")).toContain(commit)
          expect(textOf(path)).not.toContain(token)
        }),
      ),
  )

  it.effect("N306 offline the cache is enough, and nothing is asked; looking at a model takes it from there too", () =>
    live(
      Effect.gen(function* () {
        const before = asked.length
        expect((yield* under(offline())(made)).facts).toMatchObject({ commit })
        const found = yield* under(offline())(inspectModel(modelSettings(choice), () => {}))
        expect(found).toMatchObject({ origin: `hub org/cross at commit ${commit}`, problems: [] })
        expect(asked.length).toBe(before)
        const empty = { ...offline(), HF_HUB_CACHE: temporaryFolder("empty") }
        expect((yield* Effect.flip(under(empty)(made))).message).toMatch(/not in the cache.*offline/)
      }),
    ),
  )

  it.effect("N306 N127 without the token the refusal says how to get one, and names no other's", () =>
    live(
      Effect.gen(function* () {
        const { HF_TOKEN: _, ...tokenless } = online()
        const refused = yield* Effect.flip(under({ ...tokenless, HF_HUB_CACHE: temporaryFolder("other") })(made))
        expect(refused).toMatchObject({ _tag: "HubAccessDenied" })
        expect(refused.message).toMatch(/HF_TOKEN/)
        expect(refused.message).not.toContain(token)
      }),
    ),
  )
})
