import { ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace } from '@opentelemetry/api'
import type { Attributes, Context, Link, Span, SpanContext, Tracer } from '@opentelemetry/api'
import { TraceState } from '@opentelemetry/core'
import { codedCause } from '../../db/availability.ts'
import type { StartSpan } from '../../db/statement.ts'
import { joinTrace } from '../../http/scope.ts'
import type { RemoteParent, Scope } from '../../http/scope.ts'
import type { JobSpan, Tracing } from './telemetry.ts'

/**
 * Spans by the stable HTTP and database conventions, and those of messaging for jobs
 * (https://opentelemetry.io/docs/specs/semconv/). They hold routes, names of statements, codes and ids, and nothing that
 * a caller has typed: no query, no parameter of a statement, and no text of an error, which may quote one.
 */
export class Spans implements Tracing {
  readonly #tracer: Tracer
  readonly #server: Attributes
  readonly #now: () => number
  #database: Attributes = { 'db.system.name': 'postgresql' }

  /** `now`: milliseconds since 1970. */
  constructor(tracer: Tracer, server: { host: string; port: number }, now: () => number) {
    this.#tracer = tracer
    this.#now = now
    this.#server = { 'url.scheme': 'http', ...addressOf(server.host, server.port) }
  }

  databaseAt(url: string): void {
    const { hostname, port, pathname } = new URL(url)
    this.#database = {
      'db.system.name': 'postgresql',
      'db.namespace': pathname.slice(1),
      ...addressOf(hostname, Number(port === '' ? 5432 : port)),
    }
  }

  requestStarted(scope: Scope): void {
    // The route is not known yet; the span is named when it ends. A sampler is given what there is.
    const clock = this.#clock()
    const span = this.#tracer.startSpan(
      methodOf(scope),
      { kind: SpanKind.SERVER, startTime: clock(scope.startedAt) },
      contextOf(scope.parent),
    )
    const { traceId, spanId } = span.spanContext()
    scope.traceId = traceId
    scope.spanId = spanId
    scope.sampled = isSampled(span)
    if (!scope.sampled) return
    scope.span = this.#queriesWithin(span, clock)
    scope.requestSpan = {
      end: (status) => {
        this.#describe(span, scope, status)
        span.end(clock())
      },
    }
  }

  jobStarted(queue: string, jobId: string, traceparent: string | undefined): JobSpan {
    const parent = traceparent === undefined ? undefined : joinTrace(traceparent, undefined)
    const attributes = {
      'messaging.system': 'pg-boss',
      'messaging.operation.type': 'process',
      'messaging.operation.name': 'process',
      'messaging.destination.name': queue,
      'messaging.message.id': jobId,
    }
    // In the trace of the request, so that all it has caused is one trace, and linked to it, as the conventions have it.
    const links: Link[] = parent === undefined ? [] : [{ context: spanContextOf(parent) }]
    const clock = this.#clock()
    const span = this.#tracer.startSpan(
      `process ${queue}`,
      { kind: SpanKind.CONSUMER, startTime: clock(), attributes, links },
      contextOf(parent),
    )
    return {
      startQuery: isSampled(span) ? this.#queriesWithin(span, clock) : undefined,
      end: (outcome, error) => {
        span.setAttribute('job.outcome', outcome)
        endSpan(span, clock, error)
      },
    }
  }

  /** One reading of the wall clock for a whole trace, and the monotonic clock from there: its spans fit into each other. */
  #clock(): Clock {
    const zero = this.#now() - performance.now()
    return (at = performance.now()) => zero + at
  }

  #queriesWithin(parent: Span, clock: Clock): StartSpan {
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
      return { end: (error) => endSpan(span, clock, error) }
    }
  }

  #describe(span: Span, scope: Scope, status: number): void {
    const { route, target, error } = scope
    const method = methodOf(scope)
    const path = tracedPath(target, route)
    span.setAttributes({
      ...this.#server,
      'http.request.method': method === 'HTTP' ? '_OTHER' : method,
      'http.response.status_code': status,
    })
    if (path !== undefined) span.setAttributes({ 'http.route': route, 'url.path': path })
    span.updateName(path === undefined ? method : `${method} ${route}`)
    // A caller's mistake is no error of the server's: the conventions leave 4xx unset.
    if (status >= 500) {
      span.setAttribute('error.type', error?.kind ?? String(status))
      span.setStatus({ code: SpanStatusCode.ERROR })
    }
  }
}

/** Milliseconds since 1970 for a `performance.now()`. */
type Clock = (at?: number) => number

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

// A caller chooses its method; the conventions have one name for the unknown ones.
function methodOf({ method }: Scope): string {
  return methods.has(method) ? method : 'HTTP'
}

function endSpan(span: Span, clock: Clock, error: unknown): void {
  if (error !== undefined) {
    span.setAttribute(
      'error.type',
      codedCause(error)?.code ?? (error instanceof Error ? error.name : 'unknown'),
    )
    span.setStatus({ code: SpanStatusCode.ERROR })
  }
  span.end(clock())
}

function isSampled(span: Span): boolean {
  return (span.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0
}

function contextOf(parent: RemoteParent | undefined): Context {
  return parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, spanContextOf(parent))
}

function spanContextOf({ traceId, spanId, sampled, tracestate }: RemoteParent): SpanContext {
  const traceFlags = sampled ? TraceFlags.SAMPLED : TraceFlags.NONE
  // Takes the first 32 members of at most 512 characters and drops what is malformed.
  return {
    traceId,
    spanId,
    traceFlags,
    isRemote: true,
    ...(tracestate !== undefined && { traceState: new TraceState(tracestate) }),
  }
}

function addressOf(host: string, port: number): Attributes {
  return { 'server.address': host, ...(port > 0 && { 'server.port': port }) }
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * The path of a request as a trace may keep it: without the query, and with ids only where the route has them. What
 * else a caller has put there, an address or a token gone astray, is replaced by the parameter's name; a path that is
 * no route's is not told at all.
 */
export function tracedPath(target: string, route: string): string | undefined {
  if (!route.startsWith('/')) return undefined
  if (!route.includes(':')) return route
  const given = target.split(/[?#]/, 1)[0]?.split('/') ?? []
  return route
    .split('/')
    .map((part, index) => (part.startsWith(':') && uuid.test(given[index] ?? '') ? given[index] : part))
    .join('/')
}
