import { once } from 'node:events'
import { IncomingMessage, ServerResponse } from 'node:http'
import type { Server } from 'node:http'
import { connect, Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { Client, eventually } from '../testing/index.ts'
import { createApp, createHttpServer, jsonBody } from './index.ts'
import type { ServerObserver } from './index.ts'
import { arrivalLimitsMs } from './server.ts'

/** The limits of the service, ten times as short. */
const limitsMs = { headers: 1000, request: 1500, keepAlive: 6500, idleSocket: 7500, checkEvery: 100 }
const open = { connections: 0, refused: 0 }
const observer: ServerObserver = {
  connectionOpened: () => (open.connections += 1),
  connectionClosed: () => (open.connections -= 1),
  requestStarted: () => undefined,
  requestDone: () => undefined,
  refused: (status) => (open.refused += status === 408 ? 1 : 0),
}
const app = createApp({ observer, trustedProxies: 0 })
  .get('/quick', (c) => c.json({}))
  .post('/body', jsonBody(z.object({}), 1000), (c) => c.json({}))
const server = createHttpServer(() => app, observer, limitsMs)
let port = 0

/** The port that it is now reached at. */
async function listen(one: Server): Promise<number> {
  one.listen({ port: 0, host: '127.0.0.1', backlog: 2048 })
  await once(one, 'listening')
  const address = one.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

beforeAll(async () => {
  port = await listen(server)
})

afterAll(() => {
  server.closeAllConnections()
  server.close()
})

/** Sends `first` and then a byte ten times a second; gives what came back once the connection is closed. */
function slowly(first: string, endless: string): Promise<string> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined
    // Not before `first`: on a busy machine, connecting takes longer than 100 ms.
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(first)
      timer = setInterval(() => endless !== '' && socket.write(endless), 100)
    })
    let received = ''
    socket.on('data', (chunk) => (received += chunk.toString()))
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearInterval(timer)
      resolve(received)
    })
  })
}

const slow = [
  ['say nothing', '', ''],
  ['send their head byte by byte', 'GET /quick HTTP/1.1\r\nHost: x\r\nX-Slow: ', 'x'],
  [
    'send their body byte by byte',
    'POST /body HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n',
    ' ',
  ],
] as const

describe('500 connections that', () => {
  test.each(slow)(
    '%s are closed with 408, and others are answered meanwhile',
    async (_what, first, endless) => {
      const client = new Client(`http://127.0.0.1:${port}`)
      const state = { waiting: 500 }
      const ended = Array.from({ length: 500 }, async () => {
        const received = await slowly(first, endless)
        state.waiting -= 1
        return received
      })
      const statuses = new Set<number>()
      while (state.waiting > 0) statuses.add((await client.get('/quick')).status)
      const received = await Promise.all(ended)
      expect([...statuses]).toEqual([200])
      expect(received.filter((text) => !/^HTTP\/1\.1 408 .*\r\n\r\n\{.*"status":408/s.test(text))).toEqual([])
    },
  )
})

test('each of them was counted, and none is left', () => {
  expect(open.refused).toBe(1500)
  // The connection that the other requests share is kept.
  expect(open.connections).toBeLessThanOrEqual(5)
})

describe('a connection whose answer is not read', () => {
  const large = createApp({ observer, trustedProxies: 0 })
    .get('/quick', (c) => c.json({}))
    .get('/large', (c) => c.body(new Uint8Array(64 * 1024 * 1024)))
  const patient = createHttpServer(() => large, observer, { ...limitsMs, idleSocket: 500 })
  let patientPort = 0

  beforeAll(async () => {
    patientPort = await listen(patient)
  })
  afterAll(() => {
    patient.closeAllConnections()
    patient.close()
  })

  test.each([
    ['the first', ['/large']],
    ['a later one', ['/quick', '/large']],
  ])('is closed after a while, whether it is %s of its connection', async (_which, paths) => {
    const accepted = once(patient, 'connection')
    const socket = connect(patientPort, '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    const connection: unknown = (await accepted)[0]
    if (!(connection instanceof Socket)) throw new Error('no connection')
    for (const [index, path] of paths.entries()) {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
      if (index < paths.length - 1) await once(socket, 'data')
    }
    socket.pause()
    await once(connection, 'close')
    expect(connection.destroyed).toBe(true)
  })
})

describe('a sender who goes on after the answer', () => {
  const piece = ' '.repeat(0x4000)
  const framings: Record<string, readonly [head: string, piece: string]> = {
    'with a length': ['Content-Length: 9000000000', piece],
    'in chunks': ['Transfer-Encoding: chunked', `4000\r\n${piece}\r\n`],
  }
  // Without the time limit of a request, which would end the connection as well.
  const usual = createHttpServer(() => app, observer, { ...arrivalLimitsMs, request: 0 })
  let usualPort = 0

  beforeAll(async () => {
    usualPort = await listen(usual)
  })
  afterAll(() => {
    usual.closeAllConnections()
    usual.close()
  })

  /** Sends a body that is refused, and returns when the answer is sent. */
  async function startBody(framing: string, first: string) {
    const socket = connect(usualPort, '127.0.0.1').on('error', () => undefined)
    onTestFinished(() => void socket.destroy())
    socket.write(
      `POST /body HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${framing}\r\n\r\n${first}`,
    )
    const [incoming, outgoing] = z
      .tuple([z.instanceof(IncomingMessage), z.instanceof(ServerResponse)])
      .parse(await once(usual, 'request'))
    await once(outgoing, 'close')
    return { socket, incoming }
  }

  test.each(Object.entries(framings))('still learns why its body was refused: %s', async (_what, framing) => {
    const { socket, incoming } = await startBody(...framing)
    for (let sent = 0; sent < 30; sent += 1) socket.write(framing[1])
    await eventually('the server has read on', 60_000, () => incoming.socket.bytesRead > 20 * piece.length)
    const [first] = z.tuple([z.instanceof(Buffer)]).parse(await once(socket, 'data'))
    expect(first.toString()).toMatch(/^HTTP\/1\.1 413 /)
  })

  test.each(Object.entries(framings))('and does not end is disconnected: %s', async (_what, framing) => {
    const { socket, incoming } = await startBody(...framing)
    const sendMore = (): void => {
      while (!socket.destroyed && socket.write(framing[1]));
    }
    socket.on('drain', sendMore).resume()
    sendMore()
    await once(incoming.socket, 'close')
    expect(incoming.complete).toBe(false)
  })
})

test('the service itself waits 10 s for a head and 15 s for a request', () => {
  expect(arrivalLimitsMs).toMatchObject({ headers: 10_000, request: 15_000 })
})
