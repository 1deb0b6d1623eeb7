import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type VerifyReport, verifyStore } from "../../pipeline/index.ts"
import { formatBytes, formatCount } from "../Quantity.ts"
import { writeOut } from "../Terminal.ts"
import { layerToldStore } from "../ToldStore.ts"
import { artifactsOption } from "./options.ts"

/** What is in the store is not as it was written, and was left so. */
export class StoreDamaged extends Schema.TaggedError<StoreDamaged>()("StoreDamaged", {
  results: Schema.Number,
  records: Schema.Number,
}) {
  override get message(): string {
    const counted = (count: number, what: string) => `${count} ${count === 1 ? what : `${what}s`}`
    const both = [
      ...(this.results === 0 ? [] : [counted(this.results, "stored result")]),
      ...(this.records === 0 ? [] : [counted(this.records, "record")]),
    ].join(" and ")
    const one = this.results + this.records === 1
    return `${both} ${one ? "is" : "are"} damaged. \`verify --drop\` sets ${one ? "it" : "them"} aside; the next run makes results again.`
  }
}

const counted = (count: number, one: string): string => `${formatCount(count)} ${one}${count === 1 ? "" : "s"}`

/** What the whole comes to, in one line. */
const summaryOf = (report: VerifyReport): string => {
  const { damaged, depth, unreadable } = report
  if (report.results + report.objects + unreadable.length === 0) {
    return `${report.directory} holds no results: nothing was compared`
  }
  const sizes = `${counted(report.results, "result")}, ${counted(report.objects, "object")}, ${formatBytes(report.bytes)}, ${counted(report.records, "other record")}`
  const wrong = [
    ...(damaged.length === 0 ? [] : [`${counted(damaged.length, "result")} damaged`]),
    ...(unreadable.length === 0 ? [] : [`${counted(unreadable.length, "record")} unreadable`]),
  ]
  const right = depth === "bytes" ? "every byte as it was written" : "every file there, with its size"
  return `${sizes}: ${wrong.length === 0 ? right : wrong.join(", ")}`
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
    ...report.unreadable.map(({ file, why, dropped }) => `✗ ${file}: ${why}${dropped ? "; dropped" : ""}`),
    ...(report.orphans.length === 0
      ? []
      : [`${counted(report.orphans.length, "object")} of no result; gc removes what is old enough`]),
    ...(report.unsealed === 0
      ? []
      : [
          `${counted(report.unsealed, "result")} recorded by an earlier version, without a hash over the record: what lineage tells of them was not compared`,
        ]),
    ...(report.notLookedAt.length === 0 ? [] : [`not looked at: ${report.notLookedAt.join(", ")}`]),
    summaryOf(report),
  ].join("\n")

/** `verify`: compares every stored byte with its hash. */
export const verifyCommand = Command.make(
  "verify",
  {
    artifacts: artifactsOption,
    fast: Options.boolean("fast").pipe(
      Options.withDescription("Compare names and sizes only, which takes seconds for any store"),
    ),
    drop: Options.boolean("drop").pipe(
      Options.withDescription("Set damaged results aside, so that the next run makes them again"),
    ),
  },
  ({ artifacts, fast, drop }) =>
    Effect.gen(function* () {
      const report = yield* verifyStore({ drop, depth: fast ? "sizes" : "bytes" }).pipe(
        Effect.provide(layerToldStore(artifacts.directory)),
      )
      const { remote } = artifacts
      const local =
        remote === undefined ? "" : `not looked at: ${remote.address}; what is read from there is compared then\n`
      yield* writeOut(`${local}${renderVerifyReport(report)}\n`)
      const results = report.damaged.filter(({ dropped }) => !dropped).length
      const records = report.unreadable.filter(({ dropped }) => !dropped).length
      if (results + records > 0) return yield* new StoreDamaged({ results, records })
    }),
).pipe(Command.withDescription("Compares every byte of the store with what was recorded when it was written"))
