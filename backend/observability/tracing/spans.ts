import { ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace } from '@opentelemetry/api'
import type { Attributes, Context, Link, Span, SpanContext, Tracer } from '@opentelemetry/api'
import { TraceState } from '@opentelemetry/core'
import { findCause } from '../../db/availability.ts'
import type { StartSpan } from '../../db/statement.ts'
import { parseTraceparent } from '../../http/scope.ts'
import type { RemoteParent, Scope } from '../../http/scope.ts'

/**
 * Creates spans according to the stable HTTP and database conventions, and the messaging conventions for jobs
 * (https://opentelemetry.io/docs/specs/semconv/). Spans contain routes, statement names, codes and ids, but
 * no text from callers: no query, no parameters of statements, and no error messages, which may quote them.
 * Other modules import only its type, so the library is loaded only if there is an endpoint.
 */
export class Spans {
  readonly #tracer: Tracer
  readonly #server: Attributes
  readonly #now: () => number
  #database: Attributes = { 'db.system.name': 'postgresql' }

  /** `now`: in milliseconds since 1970. */
  constructor(tracer: Tracer, server: { host: string; port: number }, now: () => number) {
    this.#tracer = tracer
    this.#now = now
    this.#server = { 'url.scheme': 'http', ...toServerAttributes(server.host, server.port) }
  }

  /** Sets the database that spans of queries name. User and password are not read. */
  setDatabaseUrl(url: string): void {
    const { hostname, port, pathname } = new URL(url)
    this.#database = {
      'db.system.name': 'postgresql',
      'db.namespace': pathname.slice(1),
      ...toServerAttributes(hostname, Number(port === '' ? 5432 : port)),
    }
  }

  /**
   * Decides whether this request is recorded, and sets the ids of its scope for the answer, the log and
   * exemplars.
   */
  requestStarted(scope: Scope): void {
    // The route is not known yet, so the span is named when it ends. The sampler receives what is known now.
    const clock = this.#clock()
    const span = this.#tracer.startSpan(
      toMethodName(scope),
      { kind: SpanKind.SERVER, startTime: clock(scope.startedAt) },
      toContext(scope.parent),
    )
    const { traceId, spanId } = span.spanContext()
    scope.traceId = traceId
    scope.spanId = spanId
    scope.sampled = span.isRecording()
    if (!scope.sampled) return
    scope.span = this.#queriesWithin(span, clock)
    scope.requestSpan = {
      end: (status) => {
        this.#describe(span, scope, status)
        // The conventions leave the status of 4xx unset, because a caller's error is not the server's.
        endSpan(span, clock, status >= 500 ? (scope.error?.kind ?? String(status)) : undefined)
      },
    }
  }

  /** `traceparent` is that of the request that queued the job. */
  jobStarted(queue: string, jobId: string, traceparent: string | undefined) {
    const parent = traceparent === undefined ? undefined : parseTraceparent(traceparent, undefined)
    const attributes = {
      'messaging.system': 'pg-boss',
      'messaging.operation.type': 'process',
      'messaging.operation.name': 'process',
      'messaging.destination.name': queue,
      'messaging.message.id': jobId,
    }
    // In the trace of the request, so that one trace shows everything that it caused, and linked to it, as
    // the conventions require.
    const links: Link[] = parent === undefined ? [] : [{ context: toSpanContext(parent) }]
    const clock = this.#clock()
    const span = this.#tracer.startSpan(
      `process ${queue}`,
      { kind: SpanKind.CONSUMER, startTime: clock(), attributes, links },
      toContext(parent),
    )
    return {
      /** For the queries of the job; absent if the job is not recorded. */
      startQuery: span.isRecording() ? this.#queriesWithin(span, clock) : undefined,
      end: (outcome: string, error?: unknown): void => {
        span.setAttribute('job.outcome', outcome)
        endSpan(span, clock, toErrorType(error))
      },
    }
  }

  /**
   * Reads the wall clock once per trace and the monotonic clock afterwards, so that its spans nest correctly.
   */
  #clock(): ToEpochMs {
    const zero = this.#now() - performance.now()
    return (at = performance.now()) => zero + at
  }

  #queriesWithin(parent: Span, clock: ToEpochMs): StartSpan {
    const context = trace.setSpan(ROOT_CONTEXT, parent)
    return (name) => {
      const span = this.#tracer.startSpan(
        name,
        {
          kind: SpanKind.CLIENT,
          startTime: clock(),
          attributes: { ...this.#database, 'db.query.summary': name },
        },
        context,
      )
      return { end: (error) => endSpan(span, clock, toErrorType(error)) }
    }
  }

  #describe(span: Span, scope: Scope, status: number): void {
    const { route, target } = scope
    const method = toMethodName(scope)
    const path = toTracedPath(target, route)
    span.setAttributes({
      ...this.#server,
      'http.request.method': method === 'HTTP' ? '_OTHER' : method,
      'http.response.status_code': status,
    })
    if (path !== undefined) span.setAttributes({ 'http.route': route, 'url.path': path })
    span.updateName(path === undefined ? method : `${method} ${route}`)
  }
}

/** Converts a `performance.now()` to milliseconds since 1970. */
type ToEpochMs = (at?: number) => number

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

// Callers choose the method; the conventions have one name for unknown methods.
function toMethodName({ method }: Scope): string {
  return methods.has(method) ? method : 'HTTP'
}

function endSpan(span: Span, clock: ToEpochMs, errorType: string | undefined): void {
  if (errorType !== undefined) {
    span.setAttribute('error.type', errorType)
    span.setStatus({ code: SpanStatusCode.ERROR })
  }
  span.end(clock())
}

function toErrorType(error: unknown): string | undefined {
  if (error === undefined) return undefined
  return findCause(error).code || (error instanceof Error ? error.name : 'unknown')
}

function toContext(parent: RemoteParent | undefined): Context {
  return parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, toSpanContext(parent))
}

function toSpanContext({ traceId, spanId, sampled, tracestate }: RemoteParent): SpanContext {
  const traceFlags = sampled ? TraceFlags.SAMPLED : TraceFlags.NONE
  // Keeps the first 32 members of at most 512 characters and drops malformed ones.
  return {
    traceId,
    spanId,
    traceFlags,
    isRemote: true,
    ...(tracestate !== undefined && { traceState: new TraceState(tracestate) }),
  }
}

function toServerAttributes(host: string, port: number): Attributes {
  return { 'server.address': host, ...(port > 0 && { 'server.port': port }) }
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * The path of a request for traces: without the query, and with ids only where the route has parameters. Any
 * other text in a parameter, such as an email address or a token, is replaced by the parameter's name. A path
 * without a route is omitted.
 */
export function toTracedPath(target: string, route: string): string | undefined {
  if (!route.startsWith('/')) return undefined
  if (!route.includes(':')) return route
  const given = target.split(/[?#]/, 1)[0]?.split('/') ?? []
  return route
    .split('/')
    .map((part, index) => (part.startsWith(':') && uuid.test(given[index] ?? '') ? given[index] : part))
    .join('/')
}
