import { readFileSync, writeFileSync } from "node:fs"
import wabt from "wabt"

const folder = new URL("../../neural/optimizers/kernels/", import.meta.url)
export const kernelBytesFile = new URL("generated/kernelBytes.ts", folder)

/** What `kernelBytes.ts` has to be: kernels.wat, compiled. */
export const kernelModule = async (): Promise<string> => {
  const text = readFileSync(new URL("kernels.wat", folder), "utf8")
  const { buffer } = (await wabt()).parseWat("kernels.wat", text, { simd: true }).toBinary({})
  const lines = Buffer.from(buffer)
    .toString("base64")
    .match(/.{1,110}/g)
  return [
    "/** kernels.wat, compiled by `npm run build:kernels`, in base64. */",
    "export const kernelBytes: string = [",
    ...(lines ?? []).map((line) => `  "${line}",`),
    '].join("")',
    "",
  ].join("\n")
}

if (import.meta.filename === process.argv[1]) writeFileSync(kernelBytesFile, await kernelModule())
