import { type ChildProcess, spawn } from "node:child_process"
import { readdirSync, readFileSync, statSync } from "node:fs"
import { join, relative } from "node:path"
import { build } from "esbuild"

/** Bundles the process of the small plan, so that starting it costs little. */
export const bundleSmallDag = async (outfile: string): Promise<void> => {
  await build({
    entryPoints: [join(import.meta.dirname, "smallDagProcess.ts")],
    bundle: true,
    minify: true,
    platform: "node",
    format: "esm",
    target: "node20",
    external: ["@duckdb/node-api", "esbuild", "pg-boss"],
    outfile,
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    logLevel: "error",
  })
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Started {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** Resolves when standard error holds the text. */
  readonly says: (text: string) => Promise<void>
}

/** Starts a Node.js process: a bundled program, or a module in TypeScript; with more in its environment than this one has. */
export const start = (program: string, given: unknown, environment: NodeJS.ProcessEnv = {}): Started => {
  const loader = program.endsWith(".ts") ? ["--import", "tsx"] : []
  const child = spawn(process.execPath, [...loader, program, JSON.stringify(given)], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...environment },
  })
  let stdout = ""
  let stderr = ""
  const listeners: Array<() => void> = []
  child.stdout.on("data", (data: Buffer) => {
    stdout += data.toString()
  })
  child.stderr.on("data", (data: Buffer) => {
    stderr += data.toString()
    for (const listener of listeners) listener()
  })
  return {
    child,
    ended: new Promise((resolve) => {
      child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }))
    }),
    says: (text) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (stderr.includes(text)) resolve()
        }
        listeners.push(look)
        look()
        child.on("close", () => reject(new Error(`ended without saying «${text}»: ${stderr}`)))
      }),
  }
}

/** Every file and folder below a directory, with type, size, time and content: equal trees were not written to. */
export const treeOf = (directory: string): ReadonlyArray<string> => {
  const lines: Array<string> = []
  const walk = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name)
      const name = relative(directory, path)
      if (entry.isDirectory()) {
        lines.push(`${name}/ ${statSync(path).mtimeMs}`)
        walk(path)
      } else if (entry.isFile())
        lines.push(`${name} ${statSync(path).mtimeMs} ${readFileSync(path).toString("base64")}`)
      else lines.push(`${name} link`)
    }
  }
  walk(directory)
  return lines.sort()
}
