import type { APIRequestContext, APIResponse } from '@playwright/test'
import type { WireRequest } from '../../journeys/index.ts'
import { toRequestFailure, toHeaders, toResponse } from '../../journeys/client/index.ts'
import { toAddress, toRequestHeaders, toRequestTarget, findWireProblem } from '../../journeys/index.ts'
import { toOneLine } from '../../record/index.ts'
import type { Send, SendResult } from '../../journeys/client/index.ts'
import type { FailureClass } from '../../record/index.ts'

/** Sends a journey's requests by Playwright, so that they are in its traces and reports. */
export interface PlaywrightSender {
  send: Send
  /** Ends the contexts it made. */
  end: () => Promise<void>
}

/**
 * Plays a journey's requests through Playwright's request context. No redirect is followed and nothing is tried twice; a
 * context that was given a cookie is replaced before the next request, since a journey says all that it sends.
 *
 * Playwright reads an answer whole before its time limit can end it (1 GB takes 2 GB of memory), so this is for targets
 * one trusts; `vigil probe` sends by itself.
 *
 * @param newContext such as `() => playwright.request.newContext()`
 */
export function playwrightSender(
  newContext: () => Promise<APIRequestContext>,
  targetUrl: string,
  timeoutMs: number,
): PlaywrightSender {
  const address = toAddress(targetUrl)
  let current: APIRequestContext | undefined
  const exchange = async (request: WireRequest): Promise<APIResponse> => {
    current ??= await newContext()
    const url = `${address.protocol}//${address.host}${toRequestTarget(address, request.path)}`
    // As bytes: a string would be sent as JSON of that string where it is no JSON itself.
    const data = request.body === undefined ? {} : { data: Buffer.from(request.body) }
    return current.fetch(url, {
      method: request.method,
      headers: toRequestHeaders(address, request.headers),
      ...data,
      maxRedirects: 0,
      maxRetries: 0,
      failOnStatusCode: false,
      timeout: timeoutMs,
    })
  }
  const end = async (): Promise<void> => {
    await current?.dispose()
    current = undefined
  }
  const send: Send = async (request) => {
    const began = performance.now()
    const problem = findWireProblem(request)
    if (problem !== undefined) return { state: 'failed', class: 'check', message: problem, durationMs: 0 }
    try {
      const answer = await exchange(request)
      const raw = answer.headersArray().flatMap(({ name, value }) => [name, value])
      const text = await answer.text()
      const durationMs = performance.now() - began
      if (answer.headers()['set-cookie'] !== undefined) await end()
      return { state: 'ok', response: toResponse(answer.status(), toHeaders(raw), text), durationMs }
    } catch (error) {
      return {
        state: 'failed',
        ...playwrightFailure(error),
        durationMs: performance.now() - began,
      } satisfies SendResult
    }
  }
  return { send, end }
}

/** Where on its way a request failed, from the first line of Playwright's error, which is all that it keeps. */
export function playwrightFailure(error: unknown): { class: FailureClass; message: string } {
  const said = toOneLine(
    (error instanceof Error ? error.message : String(error))
      .split('\n')[0]
      ?.replace(/^apiRequestContext\.\w+: /, '') ?? '',
  )
  if (/^Timeout \d+ms exceeded/.test(said)) return { class: 'timeout', message: said }
  if (/certificate|\bTLS\b|\bSSL\b/i.test(said)) return { class: 'tls', message: said }
  const code = /\b(E[A-Z_]{3,})\b/.exec(said)?.[1]
  return code === undefined
    ? { class: 'connect', message: said }
    : toRequestFailure(Object.assign(new Error(said), { code }))
}
