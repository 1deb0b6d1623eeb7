import { readFileSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import { isAbsent } from "./StoreError.ts"

/** Variables by name, as the process has them. */
export type Environment = Readonly<Record<string, string | undefined>>

/** What requests are signed with. */
export interface AwsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string | undefined
}

/** What AWS's own tools read from variables and from `~/.aws`, as far as S3 needs it. */
export interface AwsSettings {
  /** `undefined` where there are none; then `without` says what was looked at. */
  readonly credentials: AwsCredentials | undefined
  readonly without: string
  readonly region: string
  /** A server that is not AWS's. */
  readonly endpoint: string | undefined
  /** Certificates of authorities beside Node's own. */
  readonly authorities: string | undefined
}

type Section = Readonly<Record<string, string>>

/** The sections of an INI file of AWS's; a setting below another (`s3 =`, then indented lines) is named `s3.endpoint_url`. */
export const parseAwsFile = (text: string): ReadonlyMap<string, Section> => {
  const sections = new Map<string, Record<string, string>>()
  let section: Record<string, string> = {}
  let above = ""
  for (const line of text.split(/\r?\n/)) {
    if (/^\s*(?:[#;].*)?$/.test(line)) continue
    const [, heading] = /^\s*\[\s*(.*?)\s*\]/.exec(line) ?? []
    if (heading !== undefined) {
      const name = heading.replace(/\s+/g, " ")
      section = sections.get(name) ?? {}
      sections.set(name, section)
      above = ""
      continue
    }
    const [, indent = "", name, value] = /^(\s*)([^=]+?)\s*=\s*(.*?)\s*$/.exec(line) ?? []
    if (name === undefined || value === undefined) continue
    if (indent === "") above = value === "" ? name : ""
    section[indent !== "" && above !== "" ? `${above}.${name}` : name] = value.replace(/\s+[#;].*$/, "")
  }
  return sections
}

const sectionsOf = (path: string): ReadonlyMap<string, Section> => {
  try {
    return parseAwsFile(readFileSync(path, "utf8"))
  } catch (cause) {
    if (isAbsent(cause)) return new Map()
    throw new Error(`${path} cannot be read`)
  }
}

/** Ways to credentials that a profile may name, and that need a program or a service of AWS's to follow. */
const otherWays = ["credential_process", "sso_session", "sso_start_url", "role_arn", "web_identity_token_file"]

/**
 * Reads the settings anew: a session's token that is renewed in the file is found.
 *
 * @throws where a file is there and cannot be read
 */
export const awsSettings = (environment: Environment): AwsSettings => {
  const home = environment["HOME"] ?? homedir()
  const credentialsFile = environment["AWS_SHARED_CREDENTIALS_FILE"] ?? join(home, ".aws", "credentials")
  const configFile = environment["AWS_CONFIG_FILE"] ?? join(home, ".aws", "config")
  const name = environment["AWS_PROFILE"] ?? environment["AWS_DEFAULT_PROFILE"] ?? "default"
  const config = sectionsOf(configFile)
  const profile: Section = {
    ...(config.get(name === "default" && !config.has("profile default") ? "default" : `profile ${name}`) ?? {}),
    ...(sectionsOf(credentialsFile).get(name) ?? {}),
  }
  const services = config.get(`services ${profile["services"] ?? ""}`) ?? {}
  const ofFiles = environment["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] === "true" ? {} : profile
  const pair = (
    id: string | undefined,
    secret: string | undefined,
    token: string | undefined,
  ): AwsCredentials | undefined =>
    id === undefined || id === "" || secret === undefined || secret === ""
      ? undefined
      : { accessKeyId: id, secretAccessKey: secret, sessionToken: token === "" ? undefined : token }
  const other = otherWays.find((way) => profile[way] !== undefined)
  return {
    credentials:
      pair(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"], environment["AWS_SESSION_TOKEN"]) ??
      pair(profile["aws_access_key_id"], profile["aws_secret_access_key"], profile["aws_session_token"]),
    without:
      other === undefined
        ? `there are no credentials: neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are set, nor has the profile «${name}» any in ${credentialsFile} or ${configFile}`
        : `the profile «${name}» has ${other} and no keys. \`eval "$(aws configure export-credentials --profile ${name} --format env)"\` sets them for a session`,
    region: environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"] ?? profile["region"] ?? "us-east-1",
    endpoint:
      environment["AWS_ENDPOINT_URL_S3"] ??
      environment["AWS_ENDPOINT_URL"] ??
      (ofFiles === profile ? services["s3.endpoint_url"] : undefined) ??
      ofFiles["endpoint_url"],
    authorities: environment["AWS_CA_BUNDLE"] ?? profile["ca_bundle"],
  }
}
