import { createHash } from "node:crypto"
import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import {
  type AnyStage,
  type Artifact,
  ArtifactStore,
  Fingerprint,
  layerArtifactStore,
  layerDuckDb,
  makePlan,
  many,
  type Plan,
  type RemoteError,
  type RunnerServices,
  type SourceNode,
  type StageError,
  type StoredArtifact,
  type StoreError,
  type StorePlace,
  stage,
} from "../../pipeline/index.ts"
import { type ArtifactKind, artifactKind } from "../../schemas/index.ts"

/** A text file of one line, all that the small stages write. */
export const Text = artifactKind("text")
export type Text = typeof Text

/** What the small stages do besides their work, by node: set from outside, never part of a key. */
export interface Mischief {
  /** Where each execution leaves a line with its node's name. */
  readonly journal?: string
  readonly sleepMs?: Readonly<Record<string, number>>
  readonly fail?: ReadonlyArray<string>
  readonly die?: ReadonlyArray<string>
  /** SIGKILL to the own process after half of the output was written. */
  readonly kill?: ReadonlyArray<string>
  /** Megabytes written besides. */
  readonly megabytes?: Readonly<Record<string, number>>
  /** Bytes that differ each time. */
  readonly random?: ReadonlyArray<string>
  /** Called in the middle of a stage. */
  readonly during?: (node: string) => void
  /** Another text for the code of a stage. */
  readonly code?: Readonly<Record<string, string>>
}

let loaded = 0
/** How often the code of a stage was loaded in this process. */
export const loads = (): number => loaded

export let mischief: Mischief = {}
export const setMischief = (given: Mischief): void => {
  mischief = given
}

class SmallError extends Schema.TaggedError<SmallError>()("SmallError", { message: Schema.String }) {}

const Config = Schema.Struct({
  node: Schema.String,
  text: Schema.String,
  /** Whether the text is written; otherwise the output does not depend on it. */
  used: Schema.Boolean,
})
type Config = typeof Config.Type

export const readText = (artifact: { readonly path: string }): string =>
  readFileSync(join(artifact.path, "text.txt"), "utf8")

const work = (
  config: Config,
  texts: ReadonlyArray<string>,
  output: string,
  scratch: string,
  warn: (message: string) => void,
) =>
  Effect.gen(function* () {
    const { node } = config
    if (mischief.journal !== undefined) appendFileSync(mischief.journal, `${node}\n`)
    writeFileSync(join(output, "half.txt"), "half of it")
    mischief.during?.(node)
    if (mischief.kill?.includes(node)) process.kill(process.pid, "SIGKILL")
    const bytes = mischief.megabytes?.[node]
    if (bytes !== undefined) {
      yield* Effect.try({
        try: () => writeFileSync(join(output, "large.bin"), Buffer.alloc(bytes * 1024 * 1024, 1)),
        catch: (cause) => new SmallError({ message: `cannot write: ${String(cause)}` }),
      })
    }
    const sleep = mischief.sleepMs?.[node]
    if (sleep !== undefined) yield* Effect.sleep(sleep)
    if (mischief.fail?.includes(node)) return yield* new SmallError({ message: `${node} was told to fail` })
    if (mischief.die?.includes(node)) throw new Error(`${node} was told to die`)
    const random = mischief.random?.includes(node) ? String(process.hrtime.bigint()) : ""
    const text = `${config.used ? config.text : ""}(${texts.join(",")})${random}`
    writeFileSync(join(output, "text.txt"), text)
    warn(`${node} warns`)
    return { rows: { text: texts.length }, facts: { length: text.length, scratch: readdirSync(scratch).length } }
  })

const declare = (name: string) => ({ name, config: Config, code: `test/support/${name}.ts` })

/** Reads nothing. */
export const make = stage({
  ...declare("make"),
  inputs: {},
  outputs: { text: Text },
  load: async () => {
    loaded++
    return { run: ({ config, outputs, scratch, warn }) => work(config, [], outputs.text, scratch, warn) }
  },
})

/** Reads nothing, and keeps the machine busy, or a core where its text says so. */
export const heavy = stage({
  ...declare("make"),
  name: "heavy",
  occupies: ({ text }) => (text === "core" ? "core" : "machine"),
  inputs: {},
  outputs: { text: Text },
  load: async () => ({
    run: ({ config, outputs, scratch, warn }) => work(config, [], outputs.text, scratch, warn),
  }),
})

/** Reads any number of texts. */
export const join_ = stage({
  ...declare("join"),
  inputs: { texts: many(Text) },
  outputs: { text: Text },
  load: async () => {
    loaded++
    return {
      run: ({ config, inputs, outputs, scratch, warn }) =>
        work(config, inputs.texts.map(readText), outputs.text, scratch, warn),
    }
  },
})

/** Reads the user's files. */
export const load = stage({
  ...declare("load"),
  inputs: { files: artifactKind("source-files") },
  outputs: { text: Text },
  load: async () => {
    loaded++
    return {
      run: ({ config, inputs, outputs, scratch, warn }) =>
        work(
          config,
          readdirSync(inputs.files.path)
            .sort()
            .map((file) => readFileSync(join(inputs.files.path, file), "utf8")),
          outputs.text,
          scratch,
          warn,
        ),
    }
  },
})

/** Two outputs with equal bytes. */
export const twice = stage({
  ...declare("twice"),
  inputs: { text: Text },
  outputs: { left: Text, right: Text },
  load: async () => {
    loaded++
    return {
      run: ({ inputs, outputs }) =>
        Effect.sync(() => {
          for (const output of [outputs.left, outputs.right])
            writeFileSync(join(output, "text.txt"), readText(inputs.text))
          return {}
        }),
    }
  },
})

/** Counts to ten, a file a step in its scratch folder, and goes on from there. */
export const count = stage({
  ...declare("count"),
  resumable: true,
  inputs: { text: Text },
  outputs: { text: Text },
  load: async () => {
    loaded++
    return {
      run: ({ config, inputs, outputs, scratch }) =>
        Effect.gen(function* () {
          const before = readdirSync(scratch).length
          for (let step = before; step < 10; step++) {
            if (mischief.journal !== undefined) appendFileSync(mischief.journal, `${config.node} step ${step}\n`)
            writeFileSync(join(scratch, `step-${step}`), String(step))
            yield* Effect.sleep(mischief.sleepMs?.[config.node] ?? 0)
            if (step === 5 && mischief.kill?.includes(config.node)) process.kill(process.pid, "SIGKILL")
          }
          writeFileSync(join(outputs.text, "text.txt"), `counted ${readText(inputs.text)}`)
          return { facts: { resumedFrom: before } }
        }),
    }
  },
})

/** Tells how its input came about. */
export const chronicle = stage({
  ...declare("chronicle"),
  provenance: true,
  inputs: { text: Text },
  outputs: { text: Text },
  load: async () => {
    loaded++
    return {
      run: ({ config, outputs, provenance }) =>
        Effect.sync(() => {
          if (mischief.journal !== undefined) appendFileSync(mischief.journal, `${config.node}\n`)
          writeFileSync(join(outputs.text, "text.txt"), JSON.stringify(provenance))
          return {}
        }),
    }
  },
})

/** Writes nothing. */
export const lazy = stage({
  ...declare("lazy"),
  inputs: {},
  outputs: { text: Text },
  load: async () => {
    loaded++
    return { run: () => Effect.succeed({}) }
  },
})

/**
 * a ─┬─ left ──┬─ top ─ count
 *    └─ right ─┘
 */
export const diamond = (texts: Readonly<Record<string, string>> = {}, used = true): Plan => {
  const config = (node: string) => ({ node, text: texts[node] ?? node, used })
  const a = make(config("a"), {}, "a")
  const left = join_(config("left"), { texts: [a.text] }, "left")
  const right = join_(config("right"), { texts: [a.text] }, "right")
  const top = join_(config("top"), { texts: [left.text, right.text] }, "top")
  const counted = count(config("count"), { text: top.text })
  return planOf({ eval: counted.text })
}

export const planOf = (targets: Readonly<Record<string, Artifact | ReadonlyArray<Artifact>>>): Plan =>
  Either.getOrThrow(makePlan(targets))

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex")

/** A fingerprint whose code is what `mischief.code` says: the real one reads files, and is tested beside the engine. */
export const layerTestFingerprint = Layer.succeed(Fingerprint, {
  stage: (declared: AnyStage) => {
    const digest = sha256(mischief.code?.[declared.name] ?? declared.name)
    return Effect.succeed({ code: { digest, files: { [declared.code]: digest } }, packages: {}, native: {} })
  },
  stageUnchanged: () => Effect.succeed(true),
  source: (node: SourceNode) =>
    Effect.sync(() => {
      const read = () => sha256(node.files.map((file) => readFileSync(join(node.root, file), "utf8")).join("\n"))
      const hash = read()
      return { hash, bytes: 0, unchanged: Effect.sync(() => read() === hash) }
    }),
})

/** All that a run needs, over a store. */
export const services = (place: string | StorePlace): Layer.Layer<RunnerServices, RemoteError | StoreError> =>
  Layer.mergeAll(layerArtifactStore(place), layerTestFingerprint, layerDuckDb())

/** The lines of the journal: which nodes executed, in order. */
export const executed = (journal: string): ReadonlyArray<string> =>
  existsSync(journal)
    ? readFileSync(journal, "utf8")
        .split("\n")
        .filter((line) => line !== "")
    : []

export type { ArtifactKind, StageError, StoredArtifact }
export { ArtifactStore }
