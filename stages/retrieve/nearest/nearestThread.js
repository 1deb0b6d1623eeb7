// Where a thread of a search of vectors starts: plain JavaScript, because a thread does not inherit the loader that reads TypeScript.
import { register } from "tsx/esm/api"

register()
await import("./NearestWorker.ts")
