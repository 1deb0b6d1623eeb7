import { createHash } from "node:crypto"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { isRecord } from "../../schemas/index.ts"
import { type Json, JsonValue } from "../plan/index.ts"

/** A value that cannot stand in a key: it is not JSON, or JSON cannot say it unambiguously. */
export class NotCanonicalError extends Schema.TaggedError<NotCanonicalError>()("NotCanonicalError", {
  /** Where in the value: `config.bm25.k1`. Empty for the value itself. */
  path: Schema.String,
  /** What was found: `NaN`, `a function`, `a Date`. */
  found: Schema.String,
}) {
  override get message(): string {
    const where = this.path === "" ? "The value" : `«${this.path}»`
    return `${where} is ${this.found}, which has no canonical JSON; encode it to plain JSON through its schema first`
  }
}

const described = (value: unknown): string => {
  if (typeof value === "number") return String(value)
  if (typeof value !== "object" || value === null) return value === undefined ? "undefined" : `a ${typeof value}`
  return `an instance of ${String(value.constructor?.name ?? "an unknown class")}`
}

const isPlainObject = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

const child = (path: string, name: string): string => (path === "" ? name : `${path}.${name}`)

const quoted = (text: string, path: string): string => {
  // With the `u` flag, only a surrogate without its partner matches.
  if (/\p{Surrogate}/u.test(text)) throw new NotCanonicalError({ path, found: "a string with half a surrogate pair" })
  return JSON.stringify(text)
}

const write = (value: unknown, path: string, ancestors: ReadonlyArray<object>): string => {
  if (value === null || typeof value === "boolean") return String(value)
  if (typeof value === "string") return quoted(value, path)
  if (typeof value === "number" && Number.isFinite(value)) return JSON.stringify(value)
  if (typeof value !== "object") throw new NotCanonicalError({ path, found: described(value) })
  if (ancestors.includes(value)) throw new NotCanonicalError({ path, found: "a reference to what holds it" })
  const inside = [...ancestors, value]
  if (Array.isArray(value)) {
    // Not `map`, which would skip holes.
    return `[${Array.from(value, (item: unknown, index) => write(item, `${path}[${index}]`, inside)).join(",")}]`
  }
  if (!isPlainObject(value) || Object.getOwnPropertySymbols(value).length > 0) {
    throw new NotCanonicalError({ path, found: described(value) })
  }
  const members: Array<string> = []
  const byName = new Map<string, unknown>(Object.entries(value))
  // Without a comparator, strings are compared by UTF-16 code units: RFC 8785's order, the same under every locale.
  for (const name of [...byName.keys()].sort()) {
    members.push(`${quoted(name, path)}:${write(byName.get(name), child(path, name), inside)}`)
  }
  return `{${members.join(",")}}`
}

/**
 * Canonical JSON in RFC 8785's form: no white space, members sorted by UTF-16 code units, ECMAScript's shortest numbers.
 *
 * @throws NotCanonicalError for NaN, infinities, `undefined`, functions, class instances, cycles and half surrogate pairs.
 */
export const canonicalJson = (value: unknown): string => write(value, "", [])

const Digest = Schema.String.pipe(Schema.pattern(/^[0-9a-f]{64}$/))

/** The code part of a key: what the stage's import graph in the project comes to. */
export const CodeFingerprint = Schema.Struct({
  /** SHA-256 of the stage's bundled and minified code; the key holds this. */
  digest: Digest,
  /** SHA-256 of each file's own normalised text, by path from the project's root with `/`. To explain; not in the key. */
  files: Schema.Record({ key: Schema.String, value: Digest }),
})
export type CodeFingerprint = typeof CodeFingerprint.Type

/** Raised when the form of key documents changes: keys of another form are never compared or found. */
export const keySchema = 1

/** Everything that a stage's output is a function of. The store keeps it beside the output, so that a miss can be explained. */
export const KeyDocument = Schema.Struct({
  schema: Schema.Literal(keySchema),
  /** The stage's name, not the node's: two nodes that do the same work share one key. */
  stage: Schema.NonEmptyString,
  stageVersion: Schema.Int,
  /** As the stage's schema encodes it, defaults filled in. */
  config: JsonValue,
  /** Content hashes, in the order they are wired. */
  inputs: Schema.Record({ key: Schema.String, value: Schema.Array(Digest) }),
  code: CodeFingerprint,
  /** Installed versions of the packages that the code reaches, and of theirs. */
  packages: Schema.Record({ key: Schema.String, value: Schema.String }),
  /** Versions of native libraries, as the loaded library says. */
  native: Schema.Record({ key: Schema.String, value: Schema.String }),
  determinism: Schema.Literal("deterministic", "seeded"),
})
export type KeyDocument = typeof KeyDocument.Type

/**
 * The action key: SHA-256 of the document's canonical JSON, in lower-case hexadecimal. Paths of code files are left out, so
 * that moving a function to another file is not a change.
 *
 * @throws NotCanonicalError where the configuration is not JSON.
 */
export const actionKey = (document: KeyDocument): string => {
  const { code, ...rest } = document
  return createHash("sha256")
    .update(canonicalJson({ ...rest, code: { digest: code.digest } }))
    .digest("hex")
}

const decodeText = Schema.decodeUnknownEither(Schema.parseJson(KeyDocument), { onExcessProperty: "error" })

/** Reads a document that `JSON.stringify` wrote; `undefined` where it is of another form or damaged. */
export const parseKeyDocument = (text: string): KeyDocument | undefined => Either.getOrUndefined(decodeText(text))

/** One ingredient in which two key documents of a stage differ. Absent values are `undefined`. */
export type KeyDifference =
  | { readonly _tag: "Stage"; readonly before: string; readonly after: string }
  | { readonly _tag: "StageVersion"; readonly before: number; readonly after: number }
  | {
      readonly _tag: "Config"
      /** From the configuration's root: `k1`, `measures[2]`. */
      readonly path: string
      readonly before: Json | undefined
      readonly after: Json | undefined
    }
  | {
      readonly _tag: "Input"
      readonly name: string
      /** Which of several, from 0; absent where there was and is one. */
      readonly index: number | undefined
      readonly before: string | undefined
      readonly after: string | undefined
    }
  | { readonly _tag: "Code"; readonly file: string; readonly change: "changed" | "added" | "removed" }
  /** The bundle differs though each file is as before: another import order, or another esbuild. */
  | { readonly _tag: "CodeOrder" }
  | {
      readonly _tag: "Package"
      readonly name: string
      readonly before: string | undefined
      readonly after: string | undefined
    }
  | {
      readonly _tag: "Native"
      readonly library: string
      readonly before: string | undefined
      readonly after: string | undefined
    }
  | { readonly _tag: "Determinism"; readonly before: string; readonly after: string }

/** Names of the members of either; none where both are one object. */
const names = (before: object, after: object): ReadonlyArray<string> =>
  before === after ? [] : [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()

const isList = (value: Json | undefined): value is ReadonlyArray<Json> => Array.isArray(value)

function* configDifferences(
  path: string,
  before: Json | undefined,
  after: Json | undefined,
): Generator<KeyDifference, void> {
  if (before === after) return
  if (isRecord(before) && isRecord(after)) {
    for (const name of names(before, after)) {
      // Own members only: a configuration may have a member named `constructor`.
      const of = (record: { readonly [name: string]: Json }) => (Object.hasOwn(record, name) ? record[name] : undefined)
      yield* configDifferences(child(path, name), of(before), of(after))
    }
  } else if (isList(before) && isList(after)) {
    for (let index = 0; index < Math.max(before.length, after.length); index++) {
      yield* configDifferences(`${path}[${index}]`, before[index], after[index])
    }
  } else if (before === undefined || after === undefined || canonicalJson(before) !== canonicalJson(after)) {
    yield { _tag: "Config", path, before, after }
  }
}

function* inputDifferences(before: KeyDocument, after: KeyDocument): Generator<KeyDifference, void> {
  for (const name of names(before.inputs, after.inputs)) {
    const [old, now] = [before.inputs[name] ?? [], after.inputs[name] ?? []]
    const alone = old.length <= 1 && now.length <= 1
    for (let index = 0; index < Math.max(old.length, now.length); index++) {
      if (old[index] === now[index]) continue
      yield { _tag: "Input", name, index: alone ? undefined : index, before: old[index], after: now[index] }
    }
  }
}

function* codeDifferences(before: CodeFingerprint, after: CodeFingerprint): Generator<KeyDifference, void> {
  // Files may differ while the digest does not (a function was moved): then the key does not differ either.
  if (before.digest === after.digest) return
  let any = false
  for (const file of names(before.files, after.files)) {
    const [old, now] = [before.files[file], after.files[file]]
    if (old === now) continue
    any = true
    yield { _tag: "Code", file, change: old === undefined ? "added" : now === undefined ? "removed" : "changed" }
  }
  if (!any) yield { _tag: "CodeOrder" }
}

/**
 * What changed from one document to another, in the order of the document's fields. Empty exactly where the action keys are
 * equal.
 */
export const differences = (before: KeyDocument, after: KeyDocument): ReadonlyArray<KeyDifference> => {
  const found: Array<KeyDifference> = []
  if (before.stage !== after.stage) found.push({ _tag: "Stage", before: before.stage, after: after.stage })
  if (before.stageVersion !== after.stageVersion) {
    found.push({ _tag: "StageVersion", before: before.stageVersion, after: after.stageVersion })
  }
  found.push(...configDifferences("", before.config, after.config))
  found.push(...inputDifferences(before, after))
  found.push(...codeDifferences(before.code, after.code))
  for (const name of names(before.packages, after.packages)) {
    const [old, now] = [before.packages[name], after.packages[name]]
    if (old !== now) found.push({ _tag: "Package", name, before: old, after: now })
  }
  for (const library of names(before.native, after.native)) {
    const [old, now] = [before.native[library], after.native[library]]
    if (old !== now) found.push({ _tag: "Native", library, before: old, after: now })
  }
  if (before.determinism !== after.determinism) {
    found.push({ _tag: "Determinism", before: before.determinism, after: after.determinism })
  }
  return found
}

/**
 * Gives documents whose parts are one object where they are equal: those of a stage are alike for the most part, so that a thousand
 * take little memory, and are compared in a moment. Their members need not be in the order in which they were.
 */
export const sharedParts = (): ((document: KeyDocument) => KeyDocument) => {
  const strings = new Map<string, string>()
  const shareString = (text: string): string => {
    const known = strings.get(text)
    if (known === undefined) strings.set(text, text)
    return known ?? text
  }
  const partsOf = <A>() => {
    const parts = new Map<string, A>()
    return (part: A): A => {
      if (typeof part !== "object") return part
      const text = JSON.stringify(part)
      const known = parts.get(text)
      if (known === undefined) parts.set(text, part)
      return known ?? part
    }
  }
  const settings = partsOf<Json>()
  const [codes, versions] = [partsOf<CodeFingerprint>(), partsOf<KeyDocument["packages"]>()]
  return (document) => ({
    ...document,
    stage: shareString(document.stage),
    // Of a sweep each has another configuration, and most of its members are alike.
    config: isRecord(document.config)
      ? Object.fromEntries(Object.entries(document.config).map(([name, value]) => [name, settings(value)]))
      : document.config,
    inputs: Object.fromEntries(
      Object.entries(document.inputs).map(([name, hashes]) => [name, hashes.map(shareString)]),
    ),
    code: codes(document.code),
    packages: versions(document.packages),
    native: versions(document.native),
  })
}

/** A document in the store, and when its result was made (milliseconds since 1970). */
export interface RecordedKey {
  readonly document: KeyDocument
  readonly at: number
}

/**
 * The recorded document of the same stage that differs in the fewest ingredients, the most recent of equals; the reason why a
 * stage runs is what differs from it. `undefined` where the stage was never recorded.
 */
export const nearest = <R extends RecordedKey>(
  document: KeyDocument,
  recorded: Iterable<R>,
): { readonly recorded: R; readonly differences: ReadonlyArray<KeyDifference> } | undefined => {
  let best: { readonly recorded: R; readonly differences: ReadonlyArray<KeyDifference> } | undefined
  for (const candidate of recorded) {
    if (candidate.document.stage !== document.stage) continue
    const found = differences(candidate.document, document)
    const fewer = best === undefined ? 1 : best.differences.length - found.length
    if (best === undefined || fewer > 0 || (fewer === 0 && candidate.at > best.recorded.at)) {
      best = { recorded: candidate, differences: found }
    }
  }
  return best
}

const shown = (value: Json | undefined): string => {
  if (value === undefined) return "(absent)"
  const text = JSON.stringify(value)
  return text.length > 60 ? `${text.slice(0, 59)}…` : text
}

const shortHash = (hash: string | undefined): string => (hash === undefined ? "(absent)" : `${hash.slice(0, 8)}…`)

/** One line that names the ingredient, its old and its new value: `config.k1: 0.9 → 0.82`. */
export const renderDifference = (difference: KeyDifference): string => {
  const change = (from: string | undefined, to: string | undefined) => `${from ?? "(absent)"} → ${to ?? "(absent)"}`
  switch (difference._tag) {
    case "Stage":
      return `stage: ${change(difference.before, difference.after)}`
    case "StageVersion":
      return `stageVersion: ${difference.before} → ${difference.after}`
    case "Config": {
      const path = difference.path.startsWith("[") ? `config${difference.path}` : child("config", difference.path)
      return `${difference.path === "" ? "config" : path}: ${shown(difference.before)} → ${shown(difference.after)}`
    }
    case "Input": {
      const which = difference.index === undefined ? "" : `[${difference.index}]`
      return `inputs.${difference.name}${which}: ${shortHash(difference.before)} → ${shortHash(difference.after)}`
    }
    case "Code":
      return `code: ${difference.file} ${difference.change}`
    case "CodeOrder":
      return "code: the same files, put together differently (import order, or another esbuild)"
    case "Package":
      return `packages.${difference.name}: ${change(difference.before, difference.after)}`
    case "Native":
      return `native.${difference.library}: ${change(difference.before, difference.after)}`
    case "Determinism":
      return `determinism: ${change(difference.before, difference.after)}`
  }
}

/** A key document for people: its key, then its ingredients, one a line. */
export const renderKeyDocument = (document: KeyDocument): string => {
  const lines = [
    `key          ${actionKey(document)}`,
    `stage        ${document.stage} (version ${document.stageVersion}, ${document.determinism})`,
    `config       ${canonicalJson(document.config)}`,
  ]
  const table = (label: string, record: { readonly [name: string]: string }) => {
    for (const name of Object.keys(record).sort()) lines.push(`${label.padEnd(12)} ${name} ${record[name] ?? ""}`)
  }
  for (const name of Object.keys(document.inputs).sort()) {
    for (const hash of document.inputs[name] ?? []) lines.push(`input        ${name} ${hash}`)
  }
  lines.push(`code         ${document.code.digest}`)
  table("  file", document.code.files)
  table("package", document.packages)
  table("native", document.native)
  return lines.join("\n")
}
