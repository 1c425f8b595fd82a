import { z } from 'zod'
import type { Heard, Reply } from './http-service.ts'
import { json } from './pagerduty.ts'
import { shown, tellsOf } from './received.ts'
import type { Received } from './received.ts'

const message = z.object({
  text: z.string().optional(),
  blocks: z.array(z.unknown()).max(50).optional(),
  attachments: z
    .array(
      z.object({
        title: z.string().optional(),
        pretext: z.string().optional(),
        text: z.string().optional(),
        fallback: z.string().optional(),
      }),
    )
    .max(100)
    .optional(),
})

type Judged = { reply: Reply; received: Omit<Received, 'atMs'> }

/**
 * Answers as an incoming webhook does (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks).
 * `channels`: the channel of each webhook by its path.
 */
export function answerSlack(heard: Heard, channels: ReadonlyMap<string, string>): Judged {
  const address = channels.get(heard.path)
  if (address === undefined) return refused(heard, '?', 404, 'no_service')
  if (heard.method !== 'POST') return refused(heard, address, 403, 'action_prohibited')
  if (!heard.headers['content-type']?.includes('application/json'))
    return refused(heard, address, 400, 'invalid_payload')
  const read = message.safeParse(json(heard.body))
  if (!read.success) return refused(heard, address, 400, 'invalid_payload')
  const { text, blocks, attachments } = read.data
  const [first] = attachments ?? []
  const title =
    [text, first?.pretext, first?.title, first?.fallback].find((part) => part !== undefined && part !== '') ??
    ''
  if ((text ?? '') === '' && (blocks ?? []).length === 0 && first === undefined)
    return refused(heard, address, 400, 'no_text')
  return {
    reply: { status: 200, type: 'text/plain', body: 'ok' },
    received: {
      via: 'slack',
      address,
      tells: tellsOf(title),
      title: shown(title, 300),
      text: shown(heard.body, 20_000),
      answer: { state: 'accepted' },
    },
  }
}

function refused(heard: Heard, address: string, status: number, reason: string): Judged {
  return {
    reply: { status, type: 'text/plain', body: reason },
    received: {
      via: 'slack',
      address,
      tells: 'firing',
      title: '',
      text: shown(heard.body, 20_000),
      answer: { state: 'refused', status, reason },
    },
  }
}
