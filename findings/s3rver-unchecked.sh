#!/bin/sh
# s3rver 3.7.1: conditions, hashes and signatures of requests are not looked at.
#
# A second PUT with `If-None-Match: *` overwrites (S3 answers 412), a body whose SHA-256 is not that of `x-amz-content-sha256` is kept
# (S3: 400 XAmzContentSHA256Mismatch), and a request with a signature of version 4 that is wrong is answered (S3: 403
# SignatureDoesNotMatch).
# Expected: as S3.
# To our users: nothing is asked of a server that it might not do. The first manifest is read back, every byte that is pulled is hashed,
# and the tests compare signatures themselves.
#
# Output seen:
#   If-None-Match: * on what is there: 200
#   a wrong hash of the body:          200
#   a wrong signature:                 200
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund --ignore-scripts s3rver@3.7.1 aws4fetch@1.0.20
cat > show.mjs <<'JS'
import { AwsV4Signer } from "aws4fetch"
import S3rver from "s3rver"

const server = new S3rver({ address: "127.0.0.1", port: 0, silent: true, directory: "data", configureBuckets: [{ name: "lab" }] })
const { port } = await server.run()
const put = async (body, headers, secret = "S3RVER") => {
  const url = `http://127.0.0.1:${port}/lab/key`
  const named = { method: "PUT", url, headers, body, accessKeyId: "S3RVER", secretAccessKey: secret, service: "s3", region: "us-east-1" }
  const signed = await new AwsV4Signer(named).sign()
  return (await fetch(signed.url, { method: "PUT", headers: signed.headers, body })).status
}
await put("first", {})
const seen = [
  await put("second", { "if-none-match": "*" }),
  await put("third", { "x-amz-content-sha256": "0".repeat(64) }),
  await put("fourth", {}, "wrong"),
]
console.log(`If-None-Match: * on what is there: ${seen[0]}`)
console.log(`a wrong hash of the body:          ${seen[1]}`)
console.log(`a wrong signature:                 ${seen[2]}`)
await server.close()
process.exit(seen.every((status) => status === 200) ? 0 : 1)
JS
node show.mjs
