import * as Schema from "effect/Schema"

/** What was asked for on the hub: `google/t5gemma-b-b-ul2@main`. */
const asked = (repository: string, revision: string): string => `${repository}@${revision}`

/** The hub wants to know who asks (401, 403): a gated or private repository. */
export class HubAccessDenied extends Schema.TaggedError<HubAccessDenied>()("HubAccessDenied", {
  repository: Schema.String,
  revision: Schema.String,
  page: Schema.String,
  status: Schema.Number,
  hadToken: Schema.Boolean,
}) {
  override get message(): string {
    const token = this.hadToken
      ? "The token given in HF_TOKEN has no access to it: accept the licence there with the token's account, and see that the token may read gated repositories."
      : "If it is gated: accept its licence there, make a token at https://huggingface.co/settings/tokens and give it as HF_TOKEN. If it is private, or misspelt, the hub answers the same."
    return `The hub refuses ${asked(this.repository, this.revision)} (${this.status}); its page is ${this.page}. ${token}`
  }
}

/** No such repository, revision or file. */
export class HubNotFound extends Schema.TaggedError<HubNotFound>()("HubNotFound", {
  repository: Schema.String,
  revision: Schema.String,
  /** What is not there: `the repository`, `the revision`, a file's name. */
  what: Schema.String,
}) {
  override get message(): string {
    return `The hub has no ${asked(this.repository, this.revision)}: ${this.what} is not there. Check the spelling (owner/name, and a branch, tag or commit), or give the folder of a local checkpoint.`
  }
}

/** Offline, and the checkpoint is not (wholly) in the cache. */
export class HubOffline extends Schema.TaggedError<HubOffline>()("HubOffline", {
  repository: Schema.String,
  revision: Schema.String,
  cache: Schema.String,
  missing: Schema.String,
}) {
  override get message(): string {
    return `${asked(this.repository, this.revision)} is not in the cache ${this.cache} (missing: ${this.missing}), and offline mode forbids fetching it. Run once online, or copy the checkpoint into a folder and give that.`
  }
}

/** A file came whole, but not as the hub has it. Nothing of it was kept. */
export class HubChecksumWrong extends Schema.TaggedError<HubChecksumWrong>()("HubChecksumWrong", {
  address: Schema.String,
  expected: Schema.String,
  found: Schema.String,
}) {
  override get message(): string {
    return `${this.address} arrived with the checksum ${this.found}, but the hub states ${this.expected}. Nothing of it was kept; run the command again. If it happens twice, something between here and the hub changes files.`
  }
}

/** The connection failed or broke off more often than is worth trying. What came is kept. */
export class HubInterrupted extends Schema.TaggedError<HubInterrupted>()("HubInterrupted", {
  address: Schema.String,
  problem: Schema.String,
}) {
  override get message(): string {
    return `${this.address}: ${this.problem}. Run the command again: it goes on where it broke off. What is in the cache already can be used in offline mode.`
  }
}

/** A name, a listing or a repository that cannot be used. */
export class HubUnusable extends Schema.TaggedError<HubUnusable>()("HubUnusable", {
  repository: Schema.String,
  problem: Schema.String,
  remedy: Schema.String,
}) {
  override get message(): string {
    return `${this.repository}: ${this.problem}. ${this.remedy}`
  }
}

/** Everything that can go wrong between the hub and the local cache. */
export type HubError = HubAccessDenied | HubNotFound | HubOffline | HubChecksumWrong | HubInterrupted | HubUnusable
