/**
 * A training in a process of its own, to be killed: `tsx trainingProcess.ts '{"world":…,"config":…,"outputs":…,"scratch":…}'`. Says
 * `step n` on standard error after each step.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { layerDuckDb } from "../../pipeline/index.ts"
import { Kinds } from "../../schemas/index.ts"
import { TrainConfig } from "../../stages/train/index.ts"
import { run } from "../../stages/train/train.ts"

const Given = Schema.Struct({
  /** The folders of the inputs. */
  world: Schema.Struct({
    model: Schema.String,
    tokenizer: Schema.String,
    tokens: Schema.String,
    queries: Schema.String,
    qrels: Schema.String,
    candidates: Schema.String,
    dev: Schema.String,
  }),
  config: TrainConfig,
  outputs: Schema.Struct({ model: Schema.String, log: Schema.String }),
  scratch: Schema.String,
})

const { config, outputs, scratch, world } = Schema.decodeUnknownSync(Schema.parseJson(Given))(process.argv[2])
const stored = { hash: "0".repeat(64), from: "test" }

await Effect.runPromise(
  run({
    config,
    inputs: {
      model: { ...stored, kind: Kinds.Model, path: world.model },
      tokenizer: { ...stored, kind: Kinds.Tokenizer, path: world.tokenizer },
      tokens: { ...stored, kind: Kinds.Tokens, path: world.tokens },
      queries: { ...stored, kind: Kinds.Queries, path: world.queries },
      qrels: { ...stored, kind: Kinds.Qrels, path: world.qrels },
      candidates: { ...stored, kind: Kinds.Candidates, path: world.candidates },
      dev: { ...stored, kind: Kinds.Candidates, path: world.dev },
      teacher: [],
    },
    outputs,
    scratch,
    progress: ({ done }) => process.stderr.write(`step ${done}\n`),
    warn: (message) => process.stderr.write(`warning: ${message}\n`),
  }).pipe(Effect.provide(layerDuckDb())),
)
