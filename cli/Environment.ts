import type { Environment } from "../pipeline/index.ts"

/** The variables of this process. What is read of them is told to the engine here, and nowhere else. */
export const environment: Environment = process.env
