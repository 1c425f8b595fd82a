import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { drain } from './drain.ts'

/** Longer than each part of a drain that callers may use. */
const pauseMs = 800

/** Pauses the process, as a machine does that gives its time to others. */
function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMs)
}

/** A connection whose answers are kept. */
class Caller {
  readonly #socket: Socket
  received = ''

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1')
    this.#socket.on('data', (chunk) => (this.received += chunk.toString()))
    this.#socket.on(
      'error',
      (error) => (this.received += 'code' in error ? String(error.code) : String(error)),
    )
  }

  /** Writes before it returns, not in the next round of the event loop. */
  send(): void {
    this.received = ''
    this.#socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  }

  /** The first line of the answer, or the error's code. */
  async answer(): Promise<string | undefined> {
    while (this.received === '' && !this.#socket.closed) await setImmediate()
    return this.received.split('\r\n')[0]
  }
}

async function listen(): Promise<{ server: Server; port: number }> {
  const server = createServer((_request, response) => response.end('{}'))
  onTestFinished(() => server.closeAllConnections())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('found no port')
  return { server, port: address.port }
}

/**
 * Resolves when the drain has made `condition` true. An immediate asked for then comes behind the drain's.
 */
async function follow(condition: () => boolean): Promise<void> {
  while (!condition()) await setImmediate()
  // The drain has asked for its next immediate by then.
  await setTimeout()
}

test('callers that connect while the machine pauses the server are answered, not reset', async () => {
  const { server, port } = await listen()
  const listeners = server.listenerCount('connection')
  const drained = drain(server, false)
  await follow(() => server.listenerCount('connection') > listeners)
  const callers = Array.from({ length: 8 }, () => new Caller(port))
  for (const caller of callers) caller.send()
  pause()
  for (const caller of callers) expect(await caller.answer()).toBe('HTTP/1.1 200 OK')
  await drained
})

test('a request during a pause until the server would close its connection is answered', async () => {
  const { server, port } = await listen()
  const caller = new Caller(port)
  caller.send()
  expect(await caller.answer()).toBe('HTTP/1.1 200 OK')
  const drained = drain(server, false)
  await follow(() => !server.listening)
  // After a pause in this phase of the event loop come timers, then reading.
  await setImmediate()
  caller.send()
  pause()
  expect(await caller.answer()).toBe('HTTP/1.1 200 OK')
  await drained
})
