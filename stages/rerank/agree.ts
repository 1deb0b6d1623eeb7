import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ScoringFileFailed } from "../../neural/index.ts"
import { DuckDb, type StageContext, streamRows, tableSource } from "../../pipeline/index.ts"
import { Agreement, agreementBound, agreementText, causeText } from "../../schemas/index.ts"
import { AgreementCount } from "./agreementOf.ts"
import type { AgreementConfig, agreementInputs, agreementOutputs } from "./contract.ts"

type Context = StageContext<AgreementConfig, typeof agreementInputs, typeof agreementOutputs>

const encode = Schema.encodeSync(Agreement)

/** Counts what is alike in the pairs of both runs. Memory holds a batch and a query. */
const counted = (context: Context) =>
  Effect.gen(function* () {
    const { inputs } = context
    const connection = yield* (yield* DuckDb).connect
    const next = yield* streamRows(
      connection,
      `SELECT a.qid AS qid, a.score AS own, b.score AS reference, a.rank AS own_rank, b.rank AS reference_rank
       FROM ${tableSource(inputs.run)} a JOIN ${tableSource(inputs.reference)} b USING (qid, docid)
       ORDER BY qid, reference_rank`,
    )
    const count = new AgreementCount()
    let qid: unknown
    let columns: Array<Array<number>> = [[], [], [], []]
    const close = (): void => {
      const [own = [], reference = [], ownRanks = [], referenceRanks = []] = columns
      count.add({ own, reference, ownRanks, referenceRanks })
      columns = [[], [], [], []]
    }
    for (;;) {
      const batch = yield* next
      if (batch === undefined) break
      const [qids = [], ...values] = batch
      for (let row = 0; row < qids.length; row++) {
        if (qids[row] !== qid) close()
        qid = qids[row]
        columns.forEach((column, at) => column.push(Number(values[at]?.[row])))
      }
    }
    close()
    return count.found
  })

/** Says how alike a run and the same model's in fp32 are; warns where they are not. */
export const run = (context: Context) =>
  Effect.gen(function* () {
    const { config, outputs, warn } = context
    const found = yield* counted(context)
    const agreement: Agreement = { ...config, ...found }
    if (found.alike < agreementBound) {
      warn(
        `${agreementText(agreement)}; below ${100 * agreementBound} % it is another ranker: check it by its measures, or run it in fp32`,
      )
    }
    const path = join(outputs.agreement, "agreement.json")
    yield* Effect.tryPromise({
      try: () => writeFile(path, `${JSON.stringify(encode(agreement), null, 1)}\n`),
      catch: (cause) => new ScoringFileFailed({ path, why: causeText(cause) }),
    })
    return { facts: found }
  }).pipe(Effect.scoped)
