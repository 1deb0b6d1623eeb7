import * as Either from "effect/Either"

/** How a database is reached. */
export interface PostgresConnection {
  /** What `pg` is given: without `sslmode`, which is decided here. */
  readonly connectionString: string
  /** TLS with the server's certificate and name checked; none on this machine. */
  readonly ssl: false | { readonly rejectUnauthorized: true }
}

const loopback = /^(?:localhost|127(?:\.\d+){3}|::1)$/

/** `postgres://db/lab`: what may be told of an address. */
export const toldAddress = (address: string): string =>
  address.replace(/^(\w+:\/\/)[^/]*@/, "$1").replace(/[?#].*$/, "")

/** Modes of libpq that ask for TLS. That the certificate is checked is asked for in any case. */
const withTls = ["require", "verify-ca", "verify-full"]

/**
 * How the database of an address is reached: beyond this machine by TLS alone, unless the address says `sslmode=disable`. `Left` says
 * what is wrong with the address.
 *
 * @param environment `PGHOST` names the host where the address does not
 */
export const postgresConnection = (
  address: string,
  environment: Readonly<Record<string, string | undefined>>,
): Either.Either<PostgresConnection, string> => {
  if (!URL.canParse(address)) return Either.left("it is not postgres://user@host/database")
  const url = new URL(address)
  if (url.password !== "" || url.searchParams.has("password")) {
    return Either.left(
      "a password stands in it, where every process of the machine sees it. Give it in PGPASSWORD or ~/.pgpass",
    )
  }
  for (const name of ["ssl", "uselibpqcompat", "sslnegotiation"]) {
    if (url.searchParams.has(name)) return Either.left(`${name} is not for here; beyond this machine TLS is asked for`)
  }
  const mode = url.searchParams.get("sslmode")
  if (mode !== null && mode !== "disable" && !withTls.includes(mode)) {
    return Either.left(`sslmode=${mode} would take any certificate: leave it out, or say sslmode=disable`)
  }
  url.searchParams.delete("sslmode")
  // As pg finds it.
  const named = url.searchParams.get("host") ?? decodeURIComponent(url.hostname)
  const host = (named === "" ? (environment["PGHOST"] ?? "localhost") : named).replace(/^\[(.*)\]$/, "$1")
  const isHere = loopback.test(host) || host.startsWith("/")
  const isPlain = mode === "disable" || (isHere && mode === null)
  return Either.right({ connectionString: url.href, ssl: isPlain ? false : { rejectUnauthorized: true } })
}
