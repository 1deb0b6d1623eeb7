import { readFileSync, writeFileSync } from "node:fs"
import wabt from "wabt"

/** WebAssembly that is kept compiled, as text in the source: the text's file, and the constant that its bytes are. */
export interface KernelModule {
  readonly text: URL
  readonly bytes: URL
  readonly constant: string
}

const kernel = (folder: string, name: string): KernelModule => {
  const at = new URL(`../../${folder}/`, import.meta.url)
  const constant = `${name.replace(/s$/, "")}Bytes`
  return { text: new URL(`${name}.wat`, at), bytes: new URL(`generated/${constant}.ts`, at), constant }
}

/** Every one that there is. */
export const kernelModules: ReadonlyArray<KernelModule> = [
  kernel("neural/optimizers/kernels", "kernels"),
  kernel("stages/retrieve/nearest", "scan"),
  kernel("stages/retrieve/postings", "sum"),
]

/** What a module's bytes have to be: its text, compiled. */
export const compiledKernel = async ({ constant, text }: KernelModule): Promise<string> => {
  const name = text.pathname.split("/").at(-1) ?? ""
  const { buffer } = (await wabt()).parseWat(name, readFileSync(text, "utf8"), { simd: true }).toBinary({})
  const lines = Buffer.from(buffer)
    .toString("base64")
    .match(/.{1,110}/g)
  return [
    `/** ${name}, compiled by \`npm run build:kernels\`, in base64. */`,
    `export const ${constant}: string = [`,
    ...(lines ?? []).map((line) => `  "${line}",`),
    '].join("")',
    "",
  ].join("\n")
}

if (import.meta.filename === process.argv[1]) {
  for (const module of kernelModules) writeFileSync(module.bytes, await compiledKernel(module))
}
