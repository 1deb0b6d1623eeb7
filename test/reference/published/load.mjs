// Scores pairs with @huggingface/transformers (4.3.2) from folders that `export model` wrote:
//
//     node load.mjs <folder of node_modules> < request.json
//
// The request is { "folders": [{ "path", "kind": "cross" | "bi", "pooling", "queryPrefix", "passagePrefix" }], "pairs": [[query, passage]] };
// printed are, for each folder, the logits of each pair, or the cosine of the pooled states.
import { createRequire } from "node:module"
import { basename, dirname, join } from "node:path"
import { pathToFileURL } from "node:url"

const require = createRequire(join(process.argv[2], "here.js"))
const { AutoModel, AutoModelForSequenceClassification, AutoTokenizer, env } = await import(
  pathToFileURL(require.resolve("@huggingface/transformers"))
)
env.allowRemoteModels = false
const { folders, pairs } = JSON.parse(await new Response(process.stdin).text())

const pooled = (states, mask, pooling) => {
  const [, length, width] = states.dims
  const sum = new Float64Array(width)
  for (let t = 0; t < (pooling === "cls" ? 1 : length); t++) {
    if (mask.data[t] === 0n) continue
    for (let i = 0; i < width; i++) sum[i] += states.data[t * width + i]
  }
  return sum
}
const cosine = (a, b) => {
  const dot = (x, y) => x.reduce((s, v, i) => s + v * y[i], 0)
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
}

const results = []
for (const { path, kind, pooling, queryPrefix = "", passagePrefix = "" } of folders) {
  env.localModelPath = dirname(path)
  const name = basename(path)
  const options = { dtype: "fp32", device: "cpu" }
  const tokenizer = await AutoTokenizer.from_pretrained(name)
  const model = await (kind === "cross" ? AutoModelForSequenceClassification : AutoModel).from_pretrained(name, options)
  const scores = []
  for (const [query, passage] of pairs) {
    if (kind === "cross") {
      const inputs = await tokenizer([query], { text_pair: [passage] })
      scores.push([...(await model(inputs)).logits.data])
      continue
    }
    const vectors = []
    for (const text of [queryPrefix + query, passagePrefix + passage]) {
      const inputs = await tokenizer([text])
      vectors.push(pooled((await model(inputs)).last_hidden_state, inputs.attention_mask, pooling))
    }
    scores.push([cosine(...vectors)])
  }
  results.push(scores)
}
process.stdout.write(JSON.stringify(results))
