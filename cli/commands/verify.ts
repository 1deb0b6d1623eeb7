import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { layerArtifactStore, type VerifyReport, verifyStore } from "../../pipeline/index.ts"
import { formatBytes, formatCount } from "../Quantity.ts"
import { writeOut } from "../Terminal.ts"
import { artifactsOption } from "./options.ts"

/** Stored results are not as they were written, and were left so. */
export class StoreDamaged extends Schema.TaggedError<StoreDamaged>()("StoreDamaged", { results: Schema.Number }) {
  override get message(): string {
    return `${this.results} stored ${this.results === 1 ? "result is" : "results are"} damaged. \`verify --drop\` sets them aside; the next run makes them again.`
  }
}

/** What a verification found, line by line. */
export const renderVerifyReport = (report: VerifyReport): string =>
  [
    ...report.damaged.flatMap(({ node, key, damage, dropped }) =>
      damage.map(
        ({ output, file, kind }) =>
          `✗ ${node} (${key.slice(0, 12)}): ${output}/${file} ${kind === "bytes" ? "has other bytes" : kind === "size" ? "has another size" : kind === "added" ? "was added" : "is missing"}${dropped ? "; dropped" : ""}`,
      ),
    ),
    ...report.unreadable.map(({ file, why }) => `✗ ${file}: ${why}`),
    ...(report.orphans.length === 0 ? [] : [`${report.orphans.length} objects belong to no result; gc removes them`]),
    `${formatCount(report.results)} results, ${formatCount(report.objects)} objects, ${formatBytes(report.bytes)}: ${
      report.damaged.length === 0 ? "every byte as it was written" : `${report.damaged.length} damaged`
    }`,
  ].join("\n")

/** `verify`: compares every stored byte with its hash. */
export const verifyCommand = Command.make(
  "verify",
  {
    artifacts: artifactsOption,
    drop: Options.boolean("drop").pipe(
      Options.withDescription("Set damaged results aside, so that the next run makes them again"),
    ),
  },
  ({ artifacts, drop }) =>
    Effect.gen(function* () {
      const report = yield* verifyStore({ drop }).pipe(Effect.provide(layerArtifactStore(artifacts)))
      yield* writeOut(`${renderVerifyReport(report)}\n`)
      const left = report.damaged.filter(({ dropped }) => !dropped).length
      if (left > 0) return yield* new StoreDamaged({ results: left })
    }),
).pipe(Command.withDescription("Compares every byte of the store with what was recorded when it was written"))
