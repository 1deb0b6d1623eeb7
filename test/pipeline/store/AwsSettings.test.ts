import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ArtifactStore, type Environment, layerArtifactStore } from "../../../pipeline/index.ts"
import { awsSettings } from "../../../pipeline/store/AwsSettings.ts"

const home = mkdtempSync(join(tmpdir(), "rankdag-aws-"))
afterAll(() => rmSync(home, { recursive: true, force: true }))
beforeAll(() => {
  mkdirSync(join(home, ".aws"))
  writeFileSync(
    join(home, ".aws", "credentials"),
    "# mine\n[default]\naws_access_key_id = FILEID\naws_secret_access_key=filesecret\n\n[lab]\r\naws_access_key_id=LABID\r\naws_secret_access_key = lab/secret+= ; the key\r\naws_session_token = labtoken\r\n",
  )
  writeFileSync(
    join(home, ".aws", "config"),
    "[default]\nregion = eu-central-1\n[profile lab]\nregion=eu-west-3\nendpoint_url = https://all.lab\nservices = ours\n[profile sso]\nsso_session = corp\n[services ours]\ns3 =\n  endpoint_url = https://s3.lab:9000\ndynamodb =\n  endpoint_url = https://other.lab\n",
  )
})

const inHome = (variables: Environment = {}) => awsSettings({ HOME: home, ...variables })

/** What opening a store says of variables. */
const refusal = (address: string, variables: Environment, insecure = false) =>
  Effect.runPromise(
    Effect.void.pipe(
      Effect.zipRight(ArtifactStore),
      Effect.provide(
        layerArtifactStore({
          directory: join(home, "store"),
          remote: { address, environment: { HOME: home, ...variables }, insecure },
        }),
      ),
      Effect.match({ onFailure: (error) => error.message, onSuccess: () => "" }),
    ),
  )

describe("AWS's settings", () => {
  it("C161 credentials come from the environment or ~/.aws, a profile's with its region and server", () => {
    expect(inHome()).toMatchObject({
      credentials: { accessKeyId: "FILEID", secretAccessKey: "filesecret", sessionToken: undefined },
      region: "eu-central-1",
      endpoint: undefined,
    })
    expect(inHome({ AWS_PROFILE: "lab" })).toMatchObject({
      credentials: { accessKeyId: "LABID", secretAccessKey: "lab/secret+=", sessionToken: "labtoken" },
      region: "eu-west-3",
      endpoint: "https://s3.lab:9000",
    })
    const variables = {
      AWS_PROFILE: "lab",
      AWS_ACCESS_KEY_ID: "ENVID",
      AWS_SECRET_ACCESS_KEY: "envsecret",
      AWS_REGION: "us-west-2",
      AWS_ENDPOINT_URL: "https://env.lab",
    }
    expect(inHome(variables)).toMatchObject({
      credentials: { accessKeyId: "ENVID", secretAccessKey: "envsecret", sessionToken: undefined },
      region: "us-west-2",
      endpoint: "https://env.lab",
    })
    expect(inHome({ ...variables, AWS_ENDPOINT_URL_S3: "https://s3.env" }).endpoint).toBe("https://s3.env")
    expect(inHome({ AWS_PROFILE: "lab", AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: "true" }).endpoint).toBeUndefined()
    expect(awsSettings({ HOME: "/nonexistent" })).toMatchObject({ credentials: undefined, region: "us-east-1" })
  })

  it("C161 where there are none, that is said with what was looked at, and what else a profile has", async () => {
    expect(await refusal("s3://lab/x", { AWS_PROFILE: "none" })).toMatch(/no credentials.*profile «none»/)
    expect(await refusal("s3://lab/x", { AWS_PROFILE: "sso" })).toMatch(
      /has sso_session.*aws configure export-credentials/,
    )
  })

  it("C162 beyond this machine S3 is asked by TLS, unless that is waived; addresses with a password are refused and not repeated", async () => {
    const server = (url: string) => ({ AWS_ENDPOINT_URL_S3: url })
    expect(await refusal("s3://lab/x", server("http://s3.lab:9000"))).toMatch(
      /s3\.lab:9000 would be asked without TLS.*--insecure/,
    )
    expect(await refusal("s3://lab/x", server("http://s3.lab:9000"), true)).toBe("")
    for (const url of ["http://127.0.0.1:9000", "http://localhost:1", "http://[::1]:1", "https://s3.lab"]) {
      expect(await refusal("s3://lab/x", server(url)), url).toBe("")
    }
    for (const [address, url] of [
      ["s3://me:hunter2@lab/x", "https://s3.lab"],
      ["s3://lab/x", "https://me:hunter2@s3.lab"],
      ["s3://hunter2/x?y", "https://s3.lab"],
      ["s3:/hunter2", "https://s3.lab"],
      ["s3://lab/x", "hunter2"],
      ["s3://lab/x", "ftp://hunter2"],
    ] as const) {
      const told = await refusal(address, server(url))
      expect(told).not.toBe("")
      expect(told).not.toContain("hunter2")
    }
  })
})
