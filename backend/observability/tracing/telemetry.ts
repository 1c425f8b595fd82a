import type { Scope } from '../../http/scope.ts'
import type { StartSpan } from '../../db/statement.ts'

/*
 * The interface of OpenTelemetry to the rest of the service. This module does not load the library:
 * `import('./start.ts')` does, if there is an endpoint.
 */

/** Sends traces and metrics to a collector. */
export interface Telemetry {
  /** Absent if only metrics are sent. */
  readonly tracing: Tracing | undefined
  /** Sends the waiting data and stops, within `limitMs`. Data that is not sent by then is lost. */
  stop: (limitMs: number) => Promise<void>
}

/** Creates spans for requests, queries and jobs. */
export interface Tracing {
  /**
   * Decides whether this request is recorded, and sets the ids of its scope for the answer, the log and
   * exemplars.
   */
  requestStarted: (scope: Scope) => void
  /** `traceparent` is that of the request that queued the job. */
  jobStarted: (queue: string, jobId: string, traceparent: string | undefined) => JobSpan
  /** Sets the database that spans of queries name. User and password are not read. */
  setDatabaseUrl: (url: string) => void
}

export interface JobSpan {
  /** For the queries of the job; absent if the job is not recorded. */
  readonly startQuery: StartSpan | undefined
  end: (outcome: string, error?: unknown) => void
}
