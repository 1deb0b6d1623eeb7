import { existsSync, readdirSync } from "node:fs"
import { chmod, copyFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ArtifactStore, newestRun, type RunRecord, storedOutput } from "../../pipeline/index.ts"
import { type ArtifactKind, causeText, makeFolders } from "../../schemas/index.ts"
import { NotInLastRun } from "../LastRun.ts"
import { tellMoved } from "../TablesElsewhere.ts"

/** What a system has cannot be written where it should be, or is not whole where it comes from. */
export class ModelNotExported extends Schema.TaggedError<ModelNotExported>()("ModelNotExported", {
  system: Schema.String,
  /** The model, or the adapter. */
  what: Schema.String,
  problem: Schema.String,
  remedy: Schema.String,
}) {
  override get message(): string {
    return `The ${this.what} of ${this.system} is not exported: ${this.problem}. ${this.remedy}`
  }
}

/** What a system has of a kind, as the nodes `model.<system>`, `model.hub.<system>`, `train.<system>` and others have it. */
interface StoredOutput {
  readonly system: string
  readonly stage: string
  readonly key: string
  readonly output: string
}

const outputsOf = (record: RunRecord, wanted: ArtifactKind): ReadonlyArray<StoredOutput> =>
  record.nodes.flatMap(({ key, name, outputs, stage }) =>
    stage === undefined || key === undefined
      ? []
      : Object.entries(outputs)
          .filter(([, { kind }]) => kind === wanted.name)
          .map(([output]) => ({ system: name.slice(stage.length + 1), stage, key, output })),
  )

/** What is behind a system of the table: its own, or that of a system mixed with a first stage's, `minilm+bm25`. */
const outputNamed = (system: string, outputs: ReadonlyArray<StoredOutput>): StoredOutput | undefined =>
  outputs.find((output) => output.system === system) ??
  outputs.find((output) => output.system === system.slice(0, Math.max(0, system.lastIndexOf("+"))))

/**
 * Copies what a system of the last run has of a kind into a folder.
 *
 * @param what it is called
 * @param force whether files of a folder that is not empty are replaced
 * @returns the folder that it was copied from, and the files
 */
export const copyOfSystem = (kind: ArtifactKind, what: string, system: string, to: string, force: boolean) =>
  Effect.gen(function* () {
    const store = yield* ArtifactStore
    const latest = yield* newestRun()
    const outputs = latest === undefined ? [] : outputsOf(latest, kind)
    const output = outputNamed(system, outputs)
    if (output === undefined) {
      const known = outputs.map((each) => each.system)
      return yield* new NotInLastRun({ what: `${what} of a system`, asked: system, known })
    }
    const told = tellMoved(`${system} ${what}`, store.remote?.address ?? "")
    const record = yield* storedOutput(store, output.stage, output.key, output.output, told)
    if (typeof record === "string") {
      const problem = record === "damaged" ? "its stored files are damaged" : "it is no longer in the store"
      const remedy = "Run the experiment again; it is then remade."
      return yield* new ModelNotExported({ system, what, problem, remedy })
    }
    if (existsSync(to) && readdirSync(to).length > 0 && !force) {
      const remedy = "Name another folder with --to, or replace its files with --force."
      return yield* new ModelNotExported({ system, what, problem: `the folder ${to} is not empty`, remedy })
    }
    const from = store.objectPath(record.hash)
    for (const { path } of record.files) {
      const copy = join(to, path)
      yield* Effect.tryPromise({
        try: async () => {
          makeFolders(dirname(copy))
          await copyFile(join(from, path), copy)
          // The store's own files are read-only.
          await chmod(copy, 0o644)
        },
        catch: (cause) =>
          new ModelNotExported({
            system,
            what,
            problem: causeText(cause),
            remedy: `Name another folder than ${to} with --to.`,
          }),
      })
    }
    return { from, files: record.files }
  })
