/** What is used of pg-boss, which is installed where Node.js is new enough for it. */
declare module "pg-boss" {
  interface SendOptions {
    readonly singletonKey: string
    readonly retryLimit: number
    readonly retryDelay: number
    readonly expireInSeconds: number
    readonly heartbeatSeconds: number
    readonly startAfter?: number
  }
  interface Job {
    readonly id: string
    readonly data: unknown
  }
  interface FoundJob extends Job {
    readonly state: string
    readonly output: unknown
    readonly retryCount: number
    readonly singletonKey: string | null
  }
  export class PgBoss {
    constructor(options: {
      readonly connectionString: string
      readonly ssl: boolean | { readonly rejectUnauthorized: boolean }
      readonly migrate: boolean
      readonly createSchema: boolean
      readonly supervise: boolean
      readonly schedule: boolean
      readonly superviseIntervalSeconds: number
      readonly monitorIntervalSeconds: number
      readonly max: number
    })
    on(event: "error", listener: (error: Error) => void): this
    start(): Promise<this>
    stop(options: { readonly graceful: boolean; readonly close: boolean }): Promise<void>
    createQueue(name: string, options: { readonly policy: "exclusive" }): Promise<void>
    getQueue(name: string): Promise<object | null>
    getQueues(): Promise<ReadonlyArray<{ readonly name: string }>>
    send(name: string, data: object, options: SendOptions): Promise<string | null>
    fetch(name: string): Promise<ReadonlyArray<Job>>
    touch(name: string, id: string): Promise<object>
    complete(name: string, id: string, data: object): Promise<object>
    fail(name: string, id: string, data: object): Promise<object>
    cancel(name: string, id: string): Promise<object>
    findJobs(name: string, options: { readonly key?: string; readonly id?: string }): Promise<ReadonlyArray<FoundJob>>
  }
}
