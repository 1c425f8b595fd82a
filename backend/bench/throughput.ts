import { type Contender, startRaw, startService } from './contenders.ts'
import { loaded, type Shot } from './load.ts'
import { type Bench, type Figure, type Section, spreadOf, median } from './section.ts'

export const throughput: Section = {
  name: 'throughput',
  about: 'requests per second of the service, everything on, as a share of raw node:http + postgres.js (same queries, nothing on)',
  run: async (bench) => {
    const uncached = await startService(bench, 'service', { CACHE_ENTRIES: '0' })
    const cached = await startService(bench, 'service, cached')
    const { client, session } = await uncached.client.register()
    for (let index = 0; index < 60; index += 1) await client.send('POST', '/tasks', { title: `Task number ${index}`, description: 'Something to do', tags: ['home', 'soon'] })
    const raw = await startRaw(bench, session.user.id)
    const { accessToken: token } = session
    try {
      await requireSameAnswer(raw, uncached, token)
      const list: Shot = { method: 'GET', path: '/tasks?limit=20', token }
      const create: Shot = { method: 'POST', path: '/tasks', token, body: JSON.stringify({ title: 'Made by the bench' }) }
      const lists = await shares(bench, 'GET /tasks?limit=20', [raw, uncached, cached], list)
      const creates = await shares(bench, 'POST /tasks', [raw, cached], create)
      return [figure('GET /tasks, not cached', lists[1] ?? [], 0.85), figure('GET /tasks, cached', lists[2] ?? [], 1), figure('POST /tasks', creates[1] ?? [], 0.8)]
    } finally {
      for (const contender of [raw, uncached, cached]) await contender.end()
    }
  },
}

// A faster answer that is another answer would be no comparison.
async function requireSameAnswer(raw: Contender, service: Contender, token: string): Promise<void> {
  const [one, other] = [await raw.client.get('/tasks?limit=20'), await service.client.as(token).get('/tasks?limit=20')]
  if (one.text !== other.text) throw new Error(`raw and service answer differently:\n${one.text.slice(0, 300)}\n${other.text.slice(0, 300)}`)
}

/** By contender, its share of the first's in each round. Whoever is measured first changes from round to round. */
async function shares(bench: Bench, what: string, contenders: readonly Contender[], shot: Shot): Promise<number[][]> {
  for (const { base } of contenders) await loaded(bench, base, [shot])
  const found: number[][] = contenders.map(() => [])
  for (let round = 0; round < bench.rounds; round += 1) {
    const rates = new Map<Contender, number>()
    for (const contender of round % 2 === 0 ? contenders : contenders.toReversed()) rates.set(contender, (await loaded(bench, contender.base, [shot])).perSecond)
    const inOrder = contenders.map((contender) => rates.get(contender) ?? Number.NaN)
    for (const [index, rate] of inOrder.entries()) found[index]?.push(rate / (inOrder[0] ?? Number.NaN))
    bench.say(`${what}: ${contenders.map((contender) => `${contender.name} ${rates.get(contender)?.toFixed(0)}/s`).join(', ')}`)
  }
  return found
}

function figure(what: string, ratios: readonly number[], least: number): Figure {
  return { what: `${what}, of raw`, value: spreadOf(ratios, (ratio) => ratio.toFixed(2)), goal: `at least ${least}`, met: median(ratios) >= least }
}
