/** What is used of pg-boss, which is installed where Node.js is new enough for it. */
declare module "pg-boss" {
  interface JobInsert {
    readonly data: object
    readonly singletonKey: string
    readonly retryLimit: number
    readonly retryDelay: number
    readonly expireInSeconds: number
    readonly heartbeatSeconds: number
    /** Seconds. */
    readonly startAfter?: number
  }
  /** One turn at a job: what is said of it counts only as long as nobody else has the next one. */
  interface JobAttempt {
    readonly id: string
    readonly retryCount: number
  }
  interface Job extends JobAttempt {
    readonly data: unknown
  }
  interface Database {
    executeSql(text: string, values?: ReadonlyArray<unknown>): Promise<{ readonly rows: ReadonlyArray<unknown> }>
    /** Absent where another than pg-boss's own connection was given. */
    listen?(
      channel: string,
      onNotification: (payload: string) => void,
      onReconnect: () => void,
    ): Promise<{ close(): Promise<void> }>
    beginTransaction(): Promise<{
      readonly db: Database
      commit(): Promise<void>
      rollback(): Promise<void>
    }>
  }
  interface ConnectionOptions {
    readonly db?: Database
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
    insert(name: string, jobs: ReadonlyArray<JobInsert>, options?: ConnectionOptions): Promise<unknown>
    fetch(name: string): Promise<ReadonlyArray<Job>>
    touch(name: string, job: JobAttempt): Promise<{ readonly affected: number }>
    complete(name: string, job: JobAttempt, data: object, options?: ConnectionOptions): Promise<object>
    fail(name: string, job: JobAttempt, data: object): Promise<object>
    cancel(name: string, id: string): Promise<object>
    getDb(): Database
  }
}
