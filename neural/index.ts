export * from "./checkpoints/index.ts"
