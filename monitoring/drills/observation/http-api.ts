import { sendRequest } from '../../../journeys/client/index.ts'

/** What a tool's HTTP API answered, as JSON; or why there is nothing. */
export type ApiAnswer =
  | { state: 'answered'; status: number; json: unknown; text: string }
  | { state: 'unreachable'; reason: string }

export interface ApiRequest {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  path: string
  json?: unknown
  headers?: Record<string, string>
  timeoutMs?: number
}

const timeoutMs = 5000
const mostBytes = 16 * 1024 * 1024

export async function callApi(baseUrl: string, request: ApiRequest, signal: AbortSignal): Promise<ApiAnswer> {
  const body = request.json === undefined ? undefined : JSON.stringify(request.json)
  const headers = {
    ...(request.json !== undefined && { 'content-type': 'application/json' }),
    ...request.headers,
  }
  const sent = await sendRequest(
    baseUrl,
    { method: request.method ?? 'GET', path: request.path, headers, body },
    { timeoutMs: request.timeoutMs ?? timeoutMs, maxBodyBytes: mostBytes, signal },
  )
  if (sent.state === 'failed') return { state: 'unreachable', reason: sent.message }
  return {
    state: 'answered',
    status: sent.response.status,
    json: sent.response.json,
    text: sent.response.text,
  }
}
