import type { Scope } from '../../http/scope.ts'
import type { StartSpan } from '../../db/statement.ts'

/*
 * What the rest of the service knows of OpenTelemetry. Nothing here, and nothing that the rest imports, loads the
 * library: it comes with `import('./start.ts')`, when there is an endpoint to send to.
 */

/** Traces and metrics on their way to a collector. */
export interface Telemetry {
  /** Absent when only metrics are sent. */
  readonly tracing: Tracing | undefined
  /** Sends what is waiting and ends, within `limitMs`; what could not be sent by then is lost. */
  stop(limitMs: number): Promise<void>
}

/** Makes spans of what the service does. */
export interface Tracing {
  /** Decides whether this request is recorded, and gives its scope the ids that the answer, the log and exemplars carry. */
  requestStarted(scope: Scope): void
  /** `traceparent` is that of the request which has queued the job. */
  jobStarted(queue: string, jobId: string, traceparent: string | undefined): JobSpan
  /** Where queries go from now on; user and password are not looked at. */
  databaseAt(url: string): void
}

export interface JobSpan {
  /** For the queries of the job; absent when it is not recorded. */
  readonly startQuery: StartSpan | undefined
  end(outcome: string, error?: unknown): void
}
