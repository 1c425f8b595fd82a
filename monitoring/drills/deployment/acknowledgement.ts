import { callApi } from '../observation/http-api.ts'
import { startHttpService } from '../../receivers/index.ts'

/** How somebody says that a drill's alert arrived: `hook`: by asking us; `poll`: a receiver's API says so when it names the drill. */
export type Acknowledgement = { kind: 'hook'; port: number } | { kind: 'poll'; url: string; token?: string }

export interface AcknowledgementWait {
  /** Where it is acknowledged; it stands in the alert. Absent: nowhere of ours. */
  url?: string
  /** By whom, once it was. */
  acknowledged: () => Promise<string | undefined>
  stop: () => Promise<void>
}

/** Waits for an acknowledgement of the drill `id`. */
export async function awaitAcknowledgement(
  by: Acknowledgement,
  id: string,
  signal: AbortSignal,
): Promise<AcknowledgementWait> {
  return by.kind === 'hook' ? hearHook(by.port, id) : hearReceiver(by, id, signal)
}

async function hearHook(port: number, id: string): Promise<AcknowledgementWait> {
  let from: string | undefined
  // Whoever can guess the drill's id has read the alert.
  const service = await startHttpService(({ path, body }) => {
    if (!path.includes(id) && !body.includes(id))
      return { status: 404, type: 'text/plain', body: 'no such drill\n' }
    from ??= 'the hook'
    return { status: 200, type: 'text/plain', body: 'acknowledged, thank you\n' }
  }, port)
  return { url: `${service.url}/acknowledge/${id}`, acknowledged: async () => from, stop: service.stop }
}

async function hearReceiver(
  { url, token }: { url: string; token?: string },
  id: string,
  signal: AbortSignal,
): Promise<AcknowledgementWait> {
  const { origin, pathname, search } = new URL(url)
  return {
    acknowledged: async () => {
      const answer = await callApi(
        origin,
        { path: pathname + search, headers: token === undefined ? {} : { authorization: token } },
        signal,
      )
      return answer.state === 'answered' && answer.status === 200 && answer.text.includes(id)
        ? `the receiver's API`
        : undefined
    },
    stop: async () => undefined,
  }
}
