import type { FailureClass } from '../../../../record/index.ts'
import { toAddress } from '../../../../journeys/index.ts'
import { Connection } from '../connection.ts'
import type { OutgoingRequest } from '../connection.ts'

/** What became of one request. */
export type Outcome =
  | { status: number; body: string; headers: readonly string[] }
  | { failure: FailureClass; message: string; own?: string }

export interface Conversation {
  outcomes: Outcome[]
  tookMs: number
}

const get: OutgoingRequest = {
  text: 'GET / HTTP/1.1\r\nhost: test\r\n\r\n',
  isHead: false,
  keepsBody: true,
  isResendable: true,
}

/** Sends some requests over one connection, one after the other, in this process. */
export async function converse(
  url: string,
  requests: number,
  request: Partial<OutgoingRequest> = {},
  requestTimeoutMs = 20_000,
): Promise<Conversation> {
  const outcomes: Outcome[] = []
  const began = performance.now()
  await new Promise<void>((resolve) => {
    new Connection(
      { address: toAddress(url), ip: undefined },
      requestTimeoutMs,
      {
        wantsRequest: () => outcomes.length < requests,
        beginRequest: () => undefined,
        nextRequest: () => ({ ...get, ...request }),
        onAnswer: (status, headers, body) =>
          outcomes.push({ status, body: Buffer.concat(body).toString(), headers }),
        onFailure: (failure, message, own) =>
          outcomes.push({ failure, message, ...(own !== undefined && { own }) }),
      },
      resolve,
    ).start()
  })
  return { outcomes, tookMs: performance.now() - began }
}
