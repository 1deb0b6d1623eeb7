import { closeSync, existsSync, fstatSync, openSync, readSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { makeFolders } from "../../schemas/index.ts"
import { TaskMessage } from "./TaskMessage.ts"

/** Folder of what the attempts at a key said. */
export const logFolder = (store: string, key: string): string => join(store, "logs", key)

/** Makes the folder of what the attempts at a node's key say, and keeps the key under the node's name, which a failed run does not. */
export const openLog = (store: string, node: string, key: string): string => {
  const [folder, names] = [logFolder(store, key), join(store, "logs", "nodes")]
  makeFolders(folder)
  makeFolders(names)
  writeFileSync(join(names, `${node}.key`), key)
  return folder
}

/** What the attempts at a key printed, one after the other. */
export const outputFile = (store: string, key: string): string => join(logFolder(store, key), "output.log")

/** The messages of the attempts at a key, one after the other. */
export const messageFile = (store: string, key: string): string => join(logFolder(store, key), "messages.jsonl")

const decode = Schema.decodeUnknownEither(Schema.parseJson(TaskMessage))

/** Reads the lines that were added to a file of messages, which another process writes, perhaps on another machine. */
export class MessageReader {
  readonly #path: string
  #at = 0

  /** @param fromEnd whether what is there already is passed over. */
  constructor(path: string, fromEnd: boolean) {
    this.#path = path
    if (fromEnd) this.#read()
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
