import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { readBatches, type StageRun } from "../../pipeline/index.ts"
import type { passageVectorInputs, VectorFileConfig, vectorOutputs } from "./contract.ts"
import { docidAt } from "./Docids.ts"
import { DocidsBuilder, DocidTable } from "./DocidTable.ts"
import { CollectionTooLarge } from "./RetrieveError.ts"
import { storeVectors } from "./vectorFiles/storeVectors.ts"

/** Reads the vectors of a collection's passages that were made elsewhere. */
export const run: StageRun<VectorFileConfig, typeof passageVectorInputs, typeof vectorOutputs> = ({
  config,
  inputs,
  outputs,
  progress,
}) =>
  Effect.gen(function* () {
    const docids = new DocidsBuilder()
    yield* Stream.runForEach(readBatches(inputs.passages, ["docid"]), ({ docid }) =>
      Effect.try({
        try: () => docid.forEach((each) => docids.add(each)),
        catch: (cause) => new CollectionTooLarge({ system: "vectors", passages: docids.documents, cause }),
      }),
    )
    const table = new DocidTable(docids.finish())
    const texts = table.documents
    const wanted = {
      id: "docid" as const,
      texts,
      nameOf: (text: number) => docidAt(table.docids, text),
      find: (docid: string) => {
        const text = table.find(docid)
        return text < 0 ? ("none" as const) : text
      },
    }
    return yield* storeVectors(config, inputs.files, outputs.vectors, wanted, (done) =>
      progress({ done, total: texts, unit: "passages" }),
    )
  })
