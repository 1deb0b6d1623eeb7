/** What is used of WebAssembly: Node has it, but only the types for browsers describe it. */
declare namespace WebAssembly {
  class Memory {
    /** @param descriptor its size in pages of 64 KiB */
    constructor(descriptor: { readonly initial: number })
    readonly buffer: ArrayBuffer
    grow(pages: number): number
  }
  class Module {
    constructor(bytes: Uint8Array)
  }
  class Instance {
    constructor(module: Module, imports: Readonly<Record<string, Readonly<Record<string, Memory>>>>)
    readonly exports: object
  }
  class CompileError extends Error {}
}
