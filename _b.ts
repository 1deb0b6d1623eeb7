import { Tensor, InferenceSession } from "onnxruntime-node"
import { writeFileSync, openSync, writeSync, closeSync, existsSync } from "node:fs"
import * as E from "/work/wt/models/neural/onnx/index.ts"
import { Parameters } from "/work/wt/models/neural/architectures/Parameters.ts"
import { tokenBatch } from "/work/wt/models/neural/architectures/TokenBatch.ts"
import { t5Encoder, type T5Config } from "/work/wt/models/neural/architectures/T5.ts"
const L = Number(process.env.L ?? 3)
const config: T5Config = { family: "t5", vocabulary: 2000, width: 768, headSize: 64, innerWidth: 3072, layers: L, decoderLayers: 0, heads: 12, buckets: 32, maximumDistance: 128, epsilon: 1e-6, feedForward: "relu", tiedOutput: true, decoderStart: 0 }
const tokens = tokenBatch(); const p = new Parameters()
const enc = t5Encoder(config, tokens, p)
const out = process.env.HEAD === "first" ? enc.first() : enc.states()
const graph = { name: "t5", inputs: [tokens.ids, tokens.attentionMask], outputs: { out } }
const tensors = new Map<string, E.TensorSource>()
for (const q of E.parametersOf(graph)) {
  const n = q.shape.reduce((a, b) => a * b, 1); const data = new Float32Array(n)
  for (let i = 0; i < n; i++) data[i] = q.shape.length === 1 ? 1 : (Math.random() - 0.5) * 0.05
  tensors.set(q.name, E.fromFloats(q.shape, data))
}
const enc1 = E.encodeModel(graph, { kind: "outside", file: "t5.data", tensors })
const dump = (f: string, b: E.Blob) => { const fd = openSync(f, "w"); for (const c of b.chunks()) writeSync(fd, c); closeSync(fd) }
dump("/work/scratch/models/t5.onnx", enc1.model); dump("/work/scratch/models/t5.data", enc1.data!)
const opts: any = { intraOpNumThreads: 2, interOpNumThreads: 1, logSeverityLevel: 3, optimizedModelFilePath: "/work/scratch/models/t5.opt.onnx", ...(process.env.PROF ? { enableProfiling: true, profileFilePrefix: "/work/scratch/models/prof" } : {}), ...JSON.parse(process.env.OPTS ?? "{}") }
const s = await InferenceSession.create("/work/scratch/models/t5.onnx", opts)
const B = Number(process.env.B ?? 8), N = Number(process.env.N ?? 128)
const ids = BigInt64Array.from({ length: B * N }, () => BigInt(2 + Math.floor(Math.random() * 1900)))
const mask = new BigInt64Array(B * N).fill(1n)
const feeds = { input_ids: new Tensor("int64", ids, [B, N]), attention_mask: new Tensor("int64", mask, [B, N]) }
await s.run(feeds)
const times: number[] = []
for (let i = 0; i < Number(process.env.R ?? 5); i++) { const t = performance.now(); await s.run(feeds); times.push(performance.now() - t) }
times.sort((a, b) => a - b)
const flops = 2 * B * N * L * (4 * 768 * 768 + 2 * 768 * 3072 + 2 * N * 768)
console.log("ms", times.map((t) => t.toFixed(0)).join(" "), "GFLOP/s", (flops / times[0]! / 1e6).toFixed(0))
if (process.env.PROF) s.endProfiling?.() ?? (s as any).handler.endProfiling()
