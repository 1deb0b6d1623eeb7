import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { readBatches, type StageRun } from "../../pipeline/index.ts"
import { analyses } from "./analyses.ts"
import { CiffIndex } from "./ciff/CiffIndex.ts"
import { CiffProblem } from "./ciff/messages.ts"
import { readCiff } from "./ciff/readCiff.ts"
import type { ImportIndexConfig, importIndexInputs, indexOutputs } from "./contract.ts"
import { DocidsBuilder, DocidTable } from "./DocidTable.ts"
import { writeIndex } from "./IndexFiles.ts"
import { CiffUnusable, CollectionTooLarge, IndexStorageError } from "./RetrieveError.ts"

/** Reads another tool's index of the collection's passages. */
export const run: StageRun<ImportIndexConfig, typeof importIndexInputs, typeof indexOutputs> = ({
  config,
  inputs,
  outputs,
  progress,
  warn,
}) =>
  Effect.gen(function* () {
    const { analyzer = "english", file } = config
    const docids = new DocidsBuilder()
    const tooLarge = (cause: unknown) => new CollectionTooLarge({ system: "index", passages: docids.documents, cause })
    yield* Stream.runForEach(readBatches(inputs.passages, ["docid"]), ({ docid }) =>
      Effect.try({ try: () => docid.forEach((each) => docids.add(each)), catch: tooLarge }),
    )
    const read = new CiffIndex(new DocidTable(docids.finish()))
    yield* Effect.tryPromise({
      try: () =>
        readCiff(join(inputs.file.path, file), file, {
          header: (header) => read.header(header),
          postings: (postings) => read.postings(postings),
          document: (document) => read.document(document),
          progress: (done, total) => progress({ done, total, unit: "terms and passages" }),
        }),
      catch: (cause) => (cause instanceof CiffUnusable ? cause : tooLarge(cause)),
    })
    const index = yield* Effect.try({
      try: () => read.finish(analyses[analyzer]),
      catch: (cause) =>
        cause instanceof CiffProblem
          ? new CiffUnusable({ file, position: 0, problem: cause.message })
          : tooLarge(cause),
    })
    const { missing } = read
    if (missing > 0) {
      warn(`${missing} of the collection's ${docids.documents} passages are not in ${file}: they are not found by it.`)
    }
    yield* Effect.try({
      try: () => writeIndex(outputs.index, index),
      catch: (cause) => new IndexStorageError({ path: outputs.index, during: "write", cause }),
    })
    return {
      rows: { index: docids.documents },
      facts: {
        terms: index.terms.size,
        postings: index.offsets[index.terms.size]!,
        tokens: index.totalLength,
        missing,
      },
    }
  })
