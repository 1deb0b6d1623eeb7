import childProcess, { type SpawnOptions } from "node:child_process"
import * as esbuild from "esbuild"

/**
 * Starts esbuild's service in a process group of its own, which esbuild has no option for. A terminal sends Ctrl-C and Ctrl-\ to
 * the whole group of what runs in it: the service would die first, this process fail with the pipe to it, and Go print the stacks
 * of all its threads. It ends when its standard input is closed, so it does not outlive this process.
 *
 * @param call calls esbuild, which starts the service, where there is none, before it returns.
 */
const apart = <A>(call: () => A): A => {
  const { spawn } = childProcess
  const detached = process.platform !== "win32"
  Reflect.set(childProcess, "spawn", (command: string, words: ReadonlyArray<string>, options: SpawnOptions) =>
    spawn(command, words, { ...options, detached }),
  )
  try {
    return call()
  } finally {
    Reflect.set(childProcess, "spawn", spawn)
  }
}

/** `esbuild.build`, which no signal of the terminal reaches. */
export const build = <const T extends esbuild.BuildOptions>(
  options: esbuild.SameShape<esbuild.BuildOptions, T>,
): Promise<esbuild.BuildResult<T>> => apart(() => esbuild.build(options))

/** `esbuild.transform`, which no signal of the terminal reaches. */
export const transform = (source: string, options: esbuild.TransformOptions): Promise<esbuild.TransformResult> =>
  apart(() => esbuild.transform(source, options))

/** Ends the service, which would otherwise live as long as this process. */
export const stop = (): Promise<void> => esbuild.stop()
