import {
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { dirname, join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { makeFolders } from "../../schemas/index.ts"
import { ioSync, type StoreError } from "../store/index.ts"
import { TaskMessage } from "./TaskMessage.ts"

/** Folder of what the attempts at a key said. */
export const logFolder = (store: string, key: string): string => join(store, "logs", key)

/** Keeps a key under its node's name, which a failed run does not. */
export const nameKey = (store: string, node: string, key: string): Effect.Effect<void, StoreError> => {
  const names = join(store, "logs", "nodes")
  return ioSync("naming a key", names, () => {
    makeFolders(names)
    writeFileSync(join(names, `${node}.key`), key)
  })
}

/** Makes the folder of what the attempts at a node's key say, and keeps the key under the node's name. */
export const openLog = (store: string, node: string, key: string): Effect.Effect<string, StoreError> => {
  const folder = logFolder(store, key)
  return Effect.zipRight(
    nameKey(store, node, key),
    Effect.as(
      ioSync("making a log's folder", folder, () => makeFolders(folder)),
      folder,
    ),
  )
}

/** What one attempt at a key printed. */
export const attemptLog = (store: string, key: string, attempt: number): string =>
  join(logFolder(store, key), `${attempt}.log`)

/** What was printed as that was given out which follows a key. */
export const submitLog = (store: string, key: string): string => join(logFolder(store, key), "submit.log")

/** What the last attempt at a key printed, as it lies behind the store's folder. */
export const sharedLog = (key: string): string => `logs/${key}/last.log`

/** Removes a log that is empty, and its folder where nothing else is in it. */
export const dropEmptyLog = (path: string): void => {
  if (statSync(path, { throwIfNoEntry: false })?.size === 0) rmSync(path)
  const folder = dirname(path)
  if (existsSync(folder) && readdirSync(folder).length === 0) rmdirSync(folder)
}

/** What the attempts at a key printed, one after the other. */
export const outputFile = (store: string, key: string): string => join(logFolder(store, key), "output.log")

/** What one attempt at a key says of itself: `attempt` is another for each. */
export const messageFile = (store: string, key: string, attempt: string): string =>
  join(logFolder(store, key), `${attempt}.jsonl`)

const decode = Schema.decodeUnknownEither(Schema.parseJson(TaskMessage))

/** Reads the lines that were added to a file of messages, which another process writes, perhaps on another machine. */
export class MessageReader {
  readonly #path: string
  #at = 0

  constructor(path: string) {
    this.#path = path
  }

  /** Whole lines only; what is none of ours is passed over. */
  next(): ReadonlyArray<TaskMessage> {
    const lines = this.#read()
    return lines.flatMap((line) => {
      const message = decode(line)
      return Either.isRight(message) ? [message.right] : []
    })
  }

  #read(): ReadonlyArray<string> {
    if (!existsSync(this.#path)) return []
    const file = openSync(this.#path, "r")
    try {
      const bytes = Buffer.alloc(Math.max(0, fstatSync(file).size - this.#at))
      const read = readSync(file, bytes, 0, bytes.length, this.#at)
      // A line that is being written may end within a character.
      const end = bytes.subarray(0, read).lastIndexOf(10) + 1
      this.#at += end
      return bytes
        .toString("utf8", 0, end)
        .split("\n")
        .filter((line) => line !== "")
    } finally {
      closeSync(file)
    }
  }
}
