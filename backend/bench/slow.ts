import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { startService } from './contenders.ts'
import type { Contender } from './contenders.ts'
import { loaded } from './load.ts'
import { median, spreadOf } from './section.ts'
import type { Section } from './section.ts'

const slowConnections = 500

export const slow: Section = {
  name: 'slow',
  about:
    'p95 of others while 500 connections send their request byte by byte, against p95 without them, in turns',
  run: async (bench) => {
    const service = await startService(bench, 'service')
    try {
      const { session } = await service.client.register()
      const p95 = async (): Promise<number> =>
        (
          await loaded(bench, service.base, [
            { method: 'GET', path: '/tasks?limit=20', token: session.accessToken },
          ])
        ).p95Ms
      await p95()
      const ratios: number[] = []
      let answered = 0
      for (let round = 0; round < bench.rounds; round += 1) {
        const alone = await p95()
        const slowly = await openSlowly(service)
        const beside = await p95()
        answered += await slowly.closedWith408()
        ratios.push(beside / alone)
        bench.say(
          `p95 ${alone.toFixed(2)} ms alone, ${beside.toFixed(2)} ms beside ${slowConnections} slow connections`,
        )
      }
      const all = slowConnections * bench.rounds
      return [
        {
          what: 'p95 beside slow connections, of p95 alone',
          value: spreadOf(ratios, (ratio) => ratio.toFixed(2)),
          goal: 'at most 1.2',
          met: median(ratios) <= 1.2,
        },
        {
          what: 'slow connections closed with 408',
          value: `${answered} of ${all}`,
          goal: 'all',
          met: answered === all,
        },
      ]
    } finally {
      await service.end()
    }
  },
}

/** Connections that send a byte each second, slower than any caller has reason to. */
async function openSlowly(service: Contender): Promise<{ closedWith408: () => Promise<number> }> {
  const port = Number(new URL(service.base).port)
  const sockets: Socket[] = []
  const ended = Array.from({ length: slowConnections }, () => {
    const socket = connect(port, '127.0.0.1', () =>
      socket.write('GET /tasks HTTP/1.1\r\nHost: x\r\nX-Slow: '),
    )
    sockets.push(socket)
    let received = ''
    socket.on('data', (chunk) => (received += chunk.toString()))
    socket.on('error', () => undefined)
    return new Promise<boolean>((resolve) =>
      socket.on('close', () => resolve(received.startsWith('HTTP/1.1 408 '))),
    )
  })
  const timer = setInterval(() => sockets.forEach((socket) => socket.writable && socket.write('x')), 1000)
  await new Promise((resolve) => setTimeout(resolve, 200))
  return {
    closedWith408: async () => {
      const all = await Promise.all(ended)
      clearInterval(timer)
      return all.filter(Boolean).length
    },
  }
}
