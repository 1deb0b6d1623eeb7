import { appendFileSync, readFileSync } from "node:fs"
import type { Extension } from "../../extension.ts"

/** A first stage that does harm as long as a file of journal entries is short: in tests of processes that die. */
const troublesome: Extension = ({ defineFirstStage, Schema, setting }) => ({
  firstStages: ["alpha", "beta", "gamma", "delta"].map((name) =>
    defineFirstStage({
      name,
      settings: Schema.Struct({
        journal: setting(Schema.String, "", "A file that gets a line for each start: name and process"),
        dies: setting(Schema.Int, 0, "How many starts end by SIGKILL"),
        fails: setting(Schema.Boolean, false, "Whether it throws"),
        waits: setting(Schema.Int, 0, "Milliseconds that a search takes"),
        blocks: setting(Schema.Int, 0, "Milliseconds for which it blocks the event loop"),
      }),
      open: ({ passages, settings }) => {
        const { blocks, dies, fails, journal, waits } = settings
        if (journal !== "") {
          appendFileSync(journal, `${name} ${process.pid}\n`)
          const starts = readFileSync(journal, "utf8")
            .split("\n")
            .filter((line) => line.startsWith(`${name} `)).length
          if (starts <= dies) {
            process.stderr.write(`${name} is about to die\n`)
            process.kill(process.pid, "SIGKILL")
          }
        }
        if (fails) throw new Error(`${name} was told to fail`)
        // The event loop stands still, and the processor is left to others.
        if (blocks > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, blocks)
        let searched = 0
        return {
          search: async (_query, depth) => {
            if (searched++ === 0 && waits > 0) await new Promise((resolve) => setTimeout(resolve, waits))
            return passages.slice(0, depth).map(({ docid }, at) => ({ docid, score: -at }))
          },
        }
      },
    }),
  ),
})

export default troublesome
