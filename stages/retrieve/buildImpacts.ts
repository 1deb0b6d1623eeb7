import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { readBatches, type StageRun } from "../../pipeline/index.ts"
import type { ImpactConfig, impactInputs, impactOutputs } from "./contract.ts"
import { DocidsBuilder, DocidTable } from "./DocidTable.ts"
import { CollectionTooLarge, IndexStorageError, readingWeights, WeightsUnusable } from "./RetrieveError.ts"
import { writeImpacts } from "./sparse/ImpactFiles.ts"
import { ImpactBuilder } from "./sparse/ImpactIndex.ts"
import { weightedTerms } from "./sparse/weightedTerms.ts"

/** Reads the passages' learned weights into an impact index, of the passages in the collection's order. */
export const run: StageRun<ImpactConfig, typeof impactInputs, typeof impactOutputs> = ({
  config,
  inputs,
  outputs,
  progress,
  warn,
}) =>
  Effect.gen(function* () {
    const { file } = config
    const docids = new DocidsBuilder()
    const refused = (cause: unknown) =>
      new CollectionTooLarge({ system: "index.sparse", passages: docids.documents, cause })
    yield* Stream.runForEach(readBatches(inputs.passages, ["docid"]), ({ docid }) =>
      Effect.try({ try: () => docid.forEach((each) => docids.add(each)), catch: refused }),
    )
    const table = new DocidTable(docids.finish())
    const builder = new ImpactBuilder(table)
    const total = table.documents
    const read = Stream.fromAsyncIterable(
      weightedTerms(join(inputs.file.path, file), file, config, false),
      readingWeights(file),
    )
    yield* Stream.runForEach(read, (vectors) =>
      Effect.gen(function* () {
        for (const { id, line, terms, weights } of vectors) {
          const doc = table.find(id)
          const wrong = (problem: string, remedy: string) => new WeightsUnusable({ file, line, problem, remedy })
          if (doc < 0) {
            return yield* wrong(
              `${id} is no docid of the collection`,
              "Give the vectors of this collection's passages.",
            )
          }
          const added = yield* Effect.try({ try: () => builder.add(doc, terms, weights), catch: refused })
          if (!added) return yield* wrong(`${id} comes a second time`, "Give each passage one line.")
        }
        progress({ done: builder.documents, total, unit: "passages" })
      }),
    )
    if (builder.documents === 0) {
      return yield* new WeightsUnusable({ file, line: 0, problem: "it holds no vector", remedy: "Name another file." })
    }
    const missing = total - builder.documents
    if (missing > 0) {
      warn(`${missing} of the collection's ${total} passages have no vector in ${file}: they are not found by it.`)
    }
    const index = yield* Effect.sync(() => builder.finish())
    yield* Effect.try({
      try: () => writeImpacts(outputs.index, index),
      catch: (cause) => new IndexStorageError({ path: outputs.index, during: "write", cause }),
    })
    return {
      rows: { index: total },
      facts: { terms: index.terms.length, postings: index.docs.length, withoutVector: missing },
    }
  })
