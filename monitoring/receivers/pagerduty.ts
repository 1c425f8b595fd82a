import { z } from 'zod'
import type { Heard, Reply } from './http-service.ts'
import { shown } from './received.ts'
import type { Received } from './received.ts'

/** PagerDuty's own limits: https://developer.pagerduty.com/docs/events-api-v2-overview */
const mostBytes = 512 * 1024
const keyLength = 32

const payload = z.object({
  summary: z.string().min(1).max(1024),
  source: z.string().min(1),
  severity: z.enum(['critical', 'error', 'warning', 'info']),
  custom_details: z.unknown().optional(),
})

const event = z.object({
  routing_key: z.string().length(keyLength),
  event_action: z.enum(['trigger', 'acknowledge', 'resolve']),
  dedup_key: z.string().max(255).optional(),
  payload: payload.optional(),
  links: z.unknown().optional(),
})

type Judged = { reply: Reply; received: Omit<Received, 'atMs'> }

/** Answers as the Events API v2 does. `services`: the name of each integration by its routing key. */
export function answerPagerDuty(heard: Heard, services: ReadonlyMap<string, string>): Judged {
  if (heard.method !== 'POST' || heard.path !== '/v2/enqueue') return refused(heard, '?', 404, 'not found')
  if (Buffer.byteLength(heard.body) > mostBytes)
    return refused(heard, '?', 413, 'the event is larger than 512 KB')
  const read = event.safeParse(json(heard.body))
  const address = services.get(keyIn(heard.body)) ?? '?'
  if (!read.success) return refused(heard, address, 400, errorsOf(read.error))
  if (address === '?') return refused(heard, '?', 400, "'routing_key' is no key of an integration")
  const { event_action: action, dedup_key: dedupKey, payload: body } = read.data
  if (action === 'trigger' && body === undefined)
    return refused(heard, address, 400, "'payload' is missing or blank")
  if (action !== 'trigger' && dedupKey === undefined)
    return refused(heard, address, 400, "'dedup_key' is missing or blank")
  return {
    reply: answer(202, { status: 'success', message: 'Event processed', dedup_key: dedupKey ?? '' }),
    received: {
      via: 'pagerduty',
      address,
      tells: action === 'resolve' ? 'resolved' : 'firing',
      title: shown(body?.summary ?? action, 300),
      text: shown(heard.body, 20_000),
      ...(dedupKey !== undefined && { dedupKey }),
      answer: { state: 'accepted' },
    },
  }
}

function refused(heard: Heard, address: string, status: number, reason: string): Judged {
  return {
    reply: answer(status, { status: 'invalid event', message: 'Event object is invalid', errors: [reason] }),
    received: {
      via: 'pagerduty',
      address,
      tells: 'firing',
      title: '',
      text: shown(heard.body, 20_000),
      answer: { state: 'refused', status, reason },
    },
  }
}

function errorsOf(error: z.ZodError): string {
  const [first] = error.issues
  return first === undefined ? 'no event' : `'${first.path.join('.') || 'event'}': ${first.message}`
}

function answer(status: number, body: unknown): Reply {
  return { status, type: 'application/json', body: JSON.stringify(body) }
}

function keyIn(body: string): string {
  const read = z.object({ routing_key: z.string() }).safeParse(json(body))
  return read.success ? read.data.routing_key : ''
}

export function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
