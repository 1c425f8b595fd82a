import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BackendProcess, startTestPostgres } from '../testing/index.ts'
import type { Client, TestPostgres } from '../testing/index.ts'

const mebi = 1024 * 1024
/**
 * After the answer up to 64 MiB are passed over, so that the sender can read it; what lies in sockets'
 * buffers, and what comes before a busy machine notices, is on top. Half of what is offered is far from what
 * reading it all would take.
 */
const mostBytes = 512 * mebi
let postgres: TestPostgres
let backend: BackendProcess
let client: Client
let port: number

beforeAll(async () => {
  postgres = await startTestPostgres()
  backend = new BackendProcess({ DATABASE_URL: await postgres.newDatabase() })
  client = (await (await backend.ready()).register()).client
  port = Number(new URL(await backend.base()).port)
})

afterAll(async () => {
  await backend.end()
  await postgres.close()
})

const residentBytes = async (): Promise<number> =>
  Number(/^process_resident_memory_bytes (\S+)/m.exec((await client.get('/metrics')).text)?.[1])

interface Sent {
  /** The head of the answer, and its body. */
  answer: string
  /** The bytes that the server accepted before the answer or the end of the connection. */
  sentBytes: number
}

/**
 * Sends `head` and then `piece` again and again, as fast as it is taken, until the connection ends or
 * `limitBytes` are sent.
 */
function pour(head: string, piece: Buffer, limitBytes: number): Promise<Sent> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    let answer = ''
    let sentBytes = 0
    const more = (): void => {
      while (sentBytes < limitBytes && !socket.destroyed) {
        sentBytes += piece.length
        if (!socket.write(piece)) return
      }
    }
    socket.on('connect', () => {
      socket.write(head)
      more()
    })
    socket.on('drain', more)
    socket.on('data', (chunk) => (answer += chunk.toString()))
    socket.on('error', () => undefined)
    socket.on('close', () => resolve({ answer, sentBytes }))
  })
}

const formatHead = (path: string, ...lines: string[]): string =>
  [
    `POST ${path} HTTP/1.1`,
    'Host: x',
    `Authorization: Bearer ${client.token ?? ''}`,
    'Content-Type: application/json',
    ...lines,
    '',
    '',
  ].join('\r\n')
const chunk = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65_536, ' '), Buffer.from('\r\n')])

test('40 gigabytes in chunks are refused with 413 near the limit, and memory stays flat', async () => {
  const before = await residentBytes()
  const sent = await Promise.all(
    Array.from({ length: 40 }, () =>
      pour(formatHead('/imports', 'Transfer-Encoding: chunked'), chunk, 1024 * mebi),
    ),
  )
  expect(sent.filter(({ answer }) => !answer.startsWith('HTTP/1.1 413 '))).toEqual([])
  expect(Math.max(...sent.map(({ sentBytes }) => sentBytes))).toBeLessThan(mostBytes)
  // 40 bodies of 5 MiB may be in memory, and the same amount of garbage; a gigabyte of each is not.
  expect((await residentBytes()) - before).toBeLessThan(500 * mebi)
})

test('a length over the limit is refused unread, and the sender gets the answer', async () => {
  const sent = await Promise.all(
    Array.from({ length: 10 }, () =>
      pour(formatHead('/tasks', `Content-Length: ${1024 * mebi}`), Buffer.alloc(65_536, ' '), 1024 * mebi),
    ),
  )
  expect(sent.filter(({ answer }) => !answer.startsWith('HTTP/1.1 413 '))).toEqual([])
  expect(Math.max(...sent.map(({ sentBytes }) => sentBytes))).toBeLessThan(mostBytes)
})

test('a gzip bomb is refused with 415 and never unfolds', async () => {
  const bomb = gzipSync(Buffer.alloc(200 * mebi))
  const before = await residentBytes()
  for (const encoding of ['gzip', 'x-gzip', 'deflate', 'br', 'gzip, identity']) {
    const sent = await pour(
      formatHead(
        '/imports',
        `Content-Length: ${bomb.length}`,
        `Content-Encoding: ${encoding}`,
        'Connection: close',
      ),
      bomb,
      bomb.length,
    )
    expect(sent.answer).toMatch(/^HTTP\/1\.1 415 /)
  }
  expect((await residentBytes()) - before).toBeLessThan(100 * mebi)
})

test('the service still serves', async () => {
  expect((await client.send('POST', '/tasks', { title: 'x' })).status).toBe(201)
})
