import { createServer } from 'node:http'
import type { RequestListener } from 'node:http'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { apiBehind } from './api.ts'
import type { KubernetesApi } from './api.ts'

const folder = temporaryFolder('api')
const closing: (() => void)[] = []
afterEach(() => closing.splice(0).forEach((close) => close()))

let count = 0
/** A server in the place of `kubectl proxy`. */
async function serve(answer: RequestListener): Promise<KubernetesApi> {
  count += 1
  const socket = join(folder, `${count}`)
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  closing.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return apiBehind(socket)
}

describe('a call of the API server', () => {
  it('sends each body with its length, so that the next request on the connection is one', async () => {
    const seen: string[] = []
    const api = await serve((request, response) => {
      let body = ''
      request.on('data', (chunk: Buffer) => (body += chunk.toString()))
      request.on('end', () => {
        seen.push(`${request.method} ${request.url} ${request.headers.host} ${body}`)
        response.end('{}')
      })
    })
    await api.call('DELETE', '/a', { propagationPolicy: 'Background' })
    await api.call('GET', '/b')
    expect(seen).toEqual(['DELETE /a localhost {"propagationPolicy":"Background"}', 'GET /b localhost '])
  })

  it.each([
    [
      403,
      '{"kind":"Status","message":"no","reason":"Forbidden","details":{"kind":"pods"}}',
      'Forbidden',
      'no',
      'pods',
    ],
    [404, 'page not found', '', 'page not found', undefined],
    [409, '{"kind":"Status"', '', '{"kind":"Status"', undefined],
  ])('that is refused with %i says why', async (status, text, reason, message, kind) => {
    const api = await serve((_request, response) => response.writeHead(status).end(text))
    expect(await api.call('GET', '/')).toEqual({ state: 'refused', status, reason, message, kind })
  })

  it('through a proxy that does not reach it is unavailable, as is one without a server', async () => {
    const api = await serve((_request, response) => response.writeHead(502).end('dial tcp: refused'))
    expect(await api.call('GET', '/')).toEqual({ state: 'unavailable', reason: 'dial tcp: refused' })
    expect(await apiBehind(join(folder, 'nothing')).call('GET', '/')).toMatchObject({ state: 'unavailable' })
  })
})

describe('a log that is followed', () => {
  it('comes line by line, whatever the chunks are, with its last line', async () => {
    const lines: string[] = []
    const api = await serve((_request, response) => {
      for (const chunk of ['on', 'e\ntw', 'o\n', 'three']) response.write(chunk)
      response.end()
    })
    const signal = new AbortController().signal
    expect(await api.follow('/', (line) => lines.push(line), signal)).toMatchObject({ state: 'ok' })
    expect(lines).toEqual(['one', 'two', 'three'])
  })

  it('that breaks or is refused is no end of it', async () => {
    const signal = new AbortController().signal
    const broken = await serve((_request, response) => {
      response.write('one\n', () => response.destroy())
    })
    expect(await broken.follow('/', () => undefined, signal)).toMatchObject({ state: 'unavailable' })
    const waiting = await serve((_request, response) =>
      response.writeHead(400).end('{"kind":"Status","message":"container is waiting to start"}'),
    )
    expect(await waiting.follow('/', () => undefined, signal)).toMatchObject({
      state: 'refused',
      message: 'container is waiting to start',
    })
  })
})
