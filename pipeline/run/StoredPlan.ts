import { createHash } from "node:crypto"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { canonicalJson, type Fingerprint, type FingerprintError } from "../keys/index.ts"
import { type Json, JsonValue, type Plan } from "../plan/index.ts"
import {
  ArtifactStore,
  ageOf,
  openRecord,
  planRenewedSeconds,
  type RemoteError,
  type Session,
  type StoreError,
  sealedRecord,
} from "../store/index.ts"
import type { DuckDb } from "../tables/index.ts"
import { planFingerprints } from "./PlanFingerprints.ts"

const Strings = Schema.Record({ key: Schema.String, value: Schema.String })

/** What other processes need to come to the same plan, and to say what differs where they do not. Nothing in it is a secret. */
export const StoredPlan = Schema.Struct({
  form: Schema.Literal(1),
  /** What the program makes the plan of: its own affair. */
  recipe: JsonValue,
  /** Digests of the code, by the stages' modules. */
  stages: Strings,
  /** Digests of the files that the stages' code comes from, by path from the project's root. */
  files: Strings,
  packages: Strings,
  native: Strings,
})
export type StoredPlan = typeof StoredPlan.Type

/** Another process asks for a plan that is not there, or is not what was written. */
export class PlanUnreadable extends Schema.TaggedError<PlanUnreadable>()("PlanUnreadable", {
  plan: Schema.String,
  path: Schema.String,
  why: Schema.String,
}) {
  override get message(): string {
    return `The plan ${this.plan.slice(0, 12)} (${this.path}) ${this.why}. Give the run again that asked for it; it stores its plan anew.`
  }
}

/** What the stages of a plan are made of here. */
const codeOf = (plan: Plan) =>
  Effect.gen(function* () {
    const prints = yield* planFingerprints
    const stages: Record<string, string> = {}
    const parts: Record<"files" | "packages" | "native", Record<string, string>> = {
      files: {},
      packages: {},
      native: {},
    }
    for (const { node } of plan.nodes) {
      if (node._tag === "SourceNode" || stages[node.stage.code] !== undefined) continue
      const { code, native, packages } = yield* prints.stage(node.stage)
      stages[node.stage.code] = code.digest
      Object.assign(parts.files, code.files)
      Object.assign(parts.packages, packages)
      Object.assign(parts.native, native)
    }
    return { stages, ...parts }
  })

const plansOf = (store: ArtifactStore["Type"]): string => join(store.directory, "plans")

/**
 * Keeps what a plan is made of for other processes, and that it was asked for.
 *
 * @param recipe of what the program makes the plan
 * @returns its name: a hash over all of it
 */
export const storePlan = (
  plan: Plan,
  recipe: Json,
  session: Session,
): Effect.Effect<string, RemoteError | StoreError | FingerprintError, ArtifactStore | Fingerprint | DuckDb> =>
  Effect.gen(function* () {
    const store = yield* ArtifactStore
    const stored: StoredPlan = { form: 1, recipe, ...(yield* codeOf(plan)) }
    const json = canonicalJson(stored)
    const hash = createHash("sha256").update(json).digest("hex")
    const path = join(plansOf(store), `${hash}.json`)
    const text = sealedRecord(json)
    const here = yield* store.readRecord(path)
    const isHere = here !== undefined && Either.isRight(here) && here.right === text
    const isDue = !isHere || ageOf(path, Date.now()) > planRenewedSeconds
    if (isDue && session.readOnly === undefined) yield* store.writeWhole(session, path, text)
    // Other machines read it there.
    yield* store.remote?.putRecord(`plans/${hash}.json`, text, true) ?? Effect.void
    return hash
  })

const decode = Schema.decodeUnknownEither(Schema.parseJson(StoredPlan))

/** Reads a plan that another process stored. */
export const readPlan = (
  hash: string,
): Effect.Effect<StoredPlan, RemoteError | StoreError | PlanUnreadable, ArtifactStore> =>
  Effect.gen(function* () {
    const store = yield* ArtifactStore
    const path = join(plansOf(store), `${hash}.json`)
    const refuse = (why: string) => new PlanUnreadable({ plan: hash, path, why })
    if (!/^[0-9a-f]{64}$/.test(hash)) return yield* refuse("is no name of a plan: 64 hexadecimal digits are")
    const here = yield* store.readRecord(path)
    const there =
      here === undefined
        ? yield* store.remote?.readRecord(`plans/${hash}.json`) ?? Effect.succeed(undefined)
        : undefined
    const text = here ?? (there === undefined ? undefined : Either.right(there))
    if (text === undefined) return yield* refuse("is not there")
    const opened = yield* Either.mapLeft(Either.flatMap(text, openRecord), refuse)
    if (createHash("sha256").update(opened.json).digest("hex") !== hash)
      return yield* refuse("has other bytes than its name says")
    return yield* Either.mapLeft(decode(opened.json), () => refuse("is of another form, as of another version"))
  })

/** In what the code here differs from that of a stored plan, in words; nothing where it does not. */
export const codeDifferences = (
  plan: Plan,
  stored: StoredPlan,
): Effect.Effect<ReadonlyArray<string>, FingerprintError, Fingerprint | DuckDb> =>
  Effect.map(codeOf(plan), (here) => {
    const differing = (part: "stages" | "files" | "packages" | "native") =>
      // A run stores what its targets need, which may be less than all.
      Object.keys(stored[part])
        .sort()
        .filter((name) => stored[part][name] !== here[part][name])
    const versions = (part: "packages" | "native") =>
      differing(part).map((name) => `${name} ${stored[part][name] ?? "none"} → ${here[part][name] ?? "none"}`)
    const files = differing("files")
    const stages = differing("stages")
    return [
      ...(stages.length === 0 ? [] : files.length > 0 ? files : stages),
      ...versions("packages"),
      ...versions("native"),
    ]
  })
