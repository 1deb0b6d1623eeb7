import { createHash } from "node:crypto"
import * as Either from "effect/Either"

const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex")

const seal = /,"digest":"([0-9a-f]{64})"\}$/

/** A record as it is written: a JSON object whose last member is the SHA-256 of the text without it. */
export const sealedRecord = (json: string): string => `${json.slice(0, -1)},"digest":"${hashOf(json)}"}`

/** What a sealed text holds, and whether it had a seal: records of earlier versions of the program have none. */
export interface OpenedRecord {
  readonly json: string
  readonly sealed: boolean
}

/** Opens a record. `Left` says that its bytes are not those that were written. */
export const openRecord = (text: string): Either.Either<OpenedRecord, string> => {
  const [end, digest] = seal.exec(text) ?? []
  if (end === undefined) return Either.right({ json: text, sealed: false })
  const json = `${text.slice(0, -end.length)}}`
  return hashOf(json) === digest
    ? Either.right({ json, sealed: true })
    : Either.left("its bytes are not those that were written")
}
