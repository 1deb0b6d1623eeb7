import { existsSync, rmSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { ArtifactStore, type Moved, type Session, storedOutput } from "../pipeline/index.ts"
import { formatBytes, formatSeconds } from "./Quantity.ts"
import { writeError } from "./Terminal.ts"

/** A table of the last run, whether or not its files are in the store's folder. */
const NamedTable = Schema.Struct({
  dataset: Schema.String,
  /** The view that shows it. */
  view: Schema.String,
  hash: Schema.String,
  /** What made it. */
  stage: Schema.String,
  key: Schema.String,
  output: Schema.String,
})
export type NamedTable = typeof NamedTable.Type

/** The tables of a catalog of which some lay in the remote alone when it was written. Lies beside it. */
const TablesElsewhere = Schema.Struct({ address: Schema.String, tables: Schema.Array(NamedTable) })
type TablesElsewhere = typeof TablesElsewhere.Type

/** A view of the catalog cannot be shown whole. */
export class TablesNotHere extends Schema.TaggedError<TablesNotHere>()("TablesNotHere", {
  address: Schema.String,
  views: Schema.Array(Schema.String),
  /** Whether the remote was named. */
  asked: Schema.Boolean,
}) {
  override get message(): string {
    const views = `${this.views.join(", ")} of the last run`
    return this.asked
      ? `${views}: files are neither in the store's folder nor, as they should be, in ${this.address}. Run the experiment again; they are then made again.`
      : `${views}: files lie in ${this.address} and not in the store's folder. Name it: --artifacts ${this.address}.`
  }
}

const fileOf = (store: string): string => join(store, "catalog.elsewhere.json")

const decode = Schema.decodeUnknownEither(Schema.parseJson(TablesElsewhere))

/** Whether an object is in the folder. */
export const isHere = (store: ArtifactStore["Type"], hash: string): boolean => existsSync(store.objectPath(hash))

/** Remembers, beside a new catalog, the tables that it would show if they were in the folder; nothing where all are. */
export const noteElsewhere = (session: Session, tables: ReadonlyArray<NamedTable>) =>
  Effect.gen(function* () {
    const store = yield* ArtifactStore
    const path = fileOf(store.directory)
    const { remote } = store
    if (remote === undefined || tables.every(({ hash }) => isHere(store, hash))) {
      return yield* Effect.sync(() => rmSync(path, { force: true }))
    }
    const noted: TablesElsewhere = { address: remote.address, tables }
    yield* store.writeWhole(session, path, `${JSON.stringify(noted)}\n`)
  })

/** Says what had to be brought. */
export const tellMoved =
  (what: string, address: string) =>
  ({ bytes, seconds }: Moved): void =>
    void Effect.runFork(
      Effect.ignore(writeError(`↓ ${what}: ${formatBytes(bytes)} from ${address} · ${formatSeconds(seconds)}\n`)),
    )

/**
 * Brings the files of views that lie in the remote.
 *
 * @param views those that are asked for.
 * @returns all tables of these views, in the folder by now; nothing where the catalog shows all there are.
 */
export const bringTables = (views: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const store = yield* ArtifactStore
    const none: ReadonlyArray<NamedTable> = []
    const text = yield* store.readRecord(fileOf(store.directory))
    const noted = text === undefined ? undefined : Either.getOrUndefined(Either.flatMap(text, decode))
    if (noted === undefined) return none
    const asked = noted.tables.filter(({ view }) => views.includes(view))
    const missing = asked.filter(({ hash }) => !isHere(store, hash))
    const { remote } = store
    if (missing.length > 0 && remote === undefined) {
      const absent = [...new Set(missing.map(({ view }) => view))]
      return yield* new TablesNotHere({ address: noted.address, views: absent, asked: false })
    }
    for (const { key, output, stage, view } of missing) {
      const address = remote?.address ?? noted.address
      const found = yield* storedOutput(store, stage, key, output, tellMoved(view, address))
      if (typeof found === "string") return yield* new TablesNotHere({ address, views: [view], asked: true })
    }
    return asked
  })
