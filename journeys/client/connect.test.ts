import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { toAddress } from '../index.ts'
import { findRoute, openConnections, sendRequest } from './index.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

/** Answers on one address only. */
async function serveOn(host: string): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', () => socket.end(`HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n${host}`))
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  return `http://several.invalid:${(server.address() as AddressInfo).port}`
}

const signal = new AbortController().signal
const get = { method: 'GET', path: '/', headers: {}, body: undefined }
const limits = { timeoutMs: 2000, maxBodyBytes: 1000, signal, purpose: 'test' }

async function sendTo(url: string, ips: readonly string[]): Promise<string> {
  const connections = openConnections(1, { lookUp: async () => ips })
  const sent = await sendRequest(url, get, limits, connections)
  await connections.destroy()
  return sent.state === 'ok' ? sent.response.text : `${sent.class}: ${sent.message}`
}

describe('a name with several addresses', () => {
  test.each([
    ['::1', ['127.0.0.1', '::1']],
    ['127.0.0.1', ['::1', '127.0.0.1']],
    ['127.0.0.3', ['127.0.0.1', '127.0.0.2', '127.0.0.3']],
    ['127.0.0.1', ['127.0.0.1', '127.0.0.2']],
  ])('is reached at %s, where its service is', async (host, ips) => {
    const url = await serveOn(host)
    expect(await sendTo(url, ips)).toBe(host)
    const route = await findRoute({ address: toAddress(url), lookUp: async () => ips, signal })
    expect(route).toEqual({
      ip: host,
      note:
        `several.invalid has ${ips.length} addresses: all load went to ${host}, none to ` +
        ips.filter((ip) => ip !== host).join(', '),
    })
  })

  test('all of which refuse fails as one that refuses', async () => {
    const url = await serveOn('127.0.0.1')
    expect(await sendTo(url, ['127.0.0.2', '::1'])).toBe('connect: connection refused (ECONNREFUSED)')
  })

  test('some of which are the same has one address, and nothing to note', async () => {
    const url = await serveOn('127.0.0.1')
    const lookUp = async () => ['127.0.0.1', '127.0.0.1']
    expect(await findRoute({ address: toAddress(url), lookUp, signal })).toEqual({ ip: '127.0.0.1' })
  })

  test('that is never looked up fails at the time limit of the request', async () => {
    const connections = openConnections(1, { lookUp: async () => new Promise(() => undefined) })
    const sent = sendRequest('http://several.invalid', get, { ...limits, timeoutMs: 300 }, connections)
    expect(await sent).toMatchObject({ class: 'timeout', message: 'no complete answer within 300 ms' })
    await connections.destroy()
  })
})

test('an unknown name has no route, and its requests fail', async () => {
  const lookUp = async () => Promise.reject(Object.assign(new Error('gone'), { code: 'ENOTFOUND' }))
  const address = toAddress('http://several.invalid')
  expect(await findRoute({ address, lookUp, signal })).toEqual({ ip: undefined, note: undefined })
})
