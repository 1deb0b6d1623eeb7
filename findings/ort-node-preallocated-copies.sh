#!/bin/sh
# onnxruntime-node 1.30.0: an output for which a place was given is written there, and then copied into a new one as well.
#
# InferenceSession.run(feeds, fetches) takes tensors as fetches, so that an output is written where the caller has room for it. It is. But what
# run gives back for that output is not the tensor that was given: it is a new one, with a copy of all its numbers. So a place that
# is given saves nothing; it is one copy more than without it. Expected: the tensor that was given, or nothing new in memory.
# To our users: results of large products (a block of passages with a thousand queries) are garbage that has to be collected, however they
# are asked for. rankdag keeps what comes out of a session small (a byte a product, whether it is near) and reads what it needs from its own place.
# My guess was that the same tensor comes back.
#
# Output seen:
#   given: the place is filled true, the result is the tensor that was given false, shares its memory false
#   16 runs, outputs of 16 MB: without a place 256 MB of new arrays, with one 256 MB
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
# Without its download for graphics cards, which is of no use here.
ONNXRUNTIME_NODE_INSTALL=skip npm install --silent --no-audit --no-fund onnxruntime-node@1.30.0
cat > look.mjs <<'JS'
import ort from "onnxruntime-node"

// y = x + x, float32 of any length; opset 18.
const graph = Buffer.from("08093a370a0e0a01780a017812017922034164641201675a100a0178120b0a09080112050a0312016e62100a0179120b0a09080112050a0312016e42040a001012", "hex")
const session = await ort.InferenceSession.create(graph)
const n = 4_000_000
const x = new ort.Tensor("float32", new Float32Array(n).fill(1), [n])
const place = new Float32Array(n)
const given = new ort.Tensor("float32", place, [n])
const { y } = await session.run({ x }, { y: given })
const facts = [place[n - 1] === 2, y === given, y.data.buffer === place.buffer]
console.log(`given: the place is filled ${facts[0]}, the result is the tensor that was given ${facts[1]}, shares its memory ${facts[2]}`)

// Every result is kept, so that what was allocated for it is counted.
const kept = []
const allocated = async (run) => {
  globalThis.gc()
  const before = process.memoryUsage().arrayBuffers
  for (let i = 0; i < 16; i++) kept.push((await run()).y.data)
  return ((process.memoryUsage().arrayBuffers - before) / 1e6).toFixed(0)
}
const without = await allocated(() => session.run({ x }))
const withPlace = await allocated(() => session.run({ x }, { y: given }))
console.log(`16 runs, outputs of 16 MB: without a place ${without} MB of new arrays, with one ${withPlace} MB`)
JS
node --expose-gc look.mjs > seen.txt
cat > expected.txt <<'TXT'
given: the place is filled true, the result is the tensor that was given false, shares its memory false
16 runs, outputs of 16 MB: without a place 256 MB of new arrays, with one 256 MB
TXT
cat seen.txt
diff expected.txt seen.txt
