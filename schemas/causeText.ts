/**
 * What is told of something that was thrown: an error's message, also of one that was decoded again and is an object that has one; or
 * else what it is, as text.
 */
export const causeText = (cause: unknown): string => {
  if (typeof cause === "object" && cause !== null) {
    return "message" in cause && typeof cause.message === "string" ? cause.message : JSON.stringify(cause)
  }
  return String(cause)
}
