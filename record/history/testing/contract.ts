import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RunHistory } from '../store.ts'
import { HistogramSum, latencyOf } from '../../index.ts'
import type { Counts } from '../../index.ts'
import { countsOf, exampleRun, spread } from '../../testing/examples/runs.ts'
import { entryOf, stepColumns } from '../entry.ts'
import type { KeptRun, RunEntry, StepFigures, StepRun } from '../entry.ts'
import { example, records } from './records.ts'
import type { Records } from './records.ts'

export type Use = <T>(look: (history: RunHistory) => Promise<T> | T) => Promise<T>

/** Ids of all the runs that it holds, in order. */
export async function idsIn(history: RunHistory): Promise<string[]> {
  const ids: string[] = []
  for (const series of await history.series())
    ids.push(...(await history.runs(series, 1_000_000)).entries.map(({ id }) => id))
  return ids.toSorted()
}

/** Eight runs of unlike latencies, an hour apart; and the figures of some of them as one. */
function variedRuns(): { put: KeptRun[]; pooled: (ids: readonly string[]) => StepFigures } {
  const counts = Array.from({ length: 8 }, (_, index) =>
    countsOf(spread(50 + 40 * index, 1, 9 + 7 * index ** 2)),
  )
  const put = counts.map((own, index) => ({
    ...entryOf(exampleRun({ 'a/b': own }), 'pass'),
    id: String(index),
    startedAt: `2026-02-01T0${index}:00:00Z`,
    durationMs: 30_000,
  }))
  return {
    put,
    pooled: (ids) => {
      const chosen = counts.filter((_, index) => ids.includes(String(index)))
      const pool = new HistogramSum()
      for (const { histogram } of chosen) for (const [upperMs, count] of histogram) pool.add(upperMs, count)
      const sum = (pick: (own: Counts) => number): number =>
        chosen.reduce((total, own) => total + pick(own), 0)
      const latency = latencyOf(
        pool.histogram(),
        sum(({ latencySumMs }) => latencySumMs),
      )
      return { requests: sum(({ requests }) => requests), errors: sum(({ errors }) => errors), ...latency }
    },
  }
}

/** The runs of each series, by what distinguishes it here. */
async function runsBySeries(history: RunHistory): Promise<[string, string, string[]][]> {
  return Promise.all(
    (await history.series()).map(async (series): Promise<[string, string, string[]]> => [
      series.target,
      series.load,
      (await history.runs(series, 100)).entries.map(({ id }) => id),
    ]),
  )
}

/**
 * What every implementation of `RunHistory` promises.
 *
 * @param over uses a history that is empty for each new folder of records
 * @param older makes it one of the first layout, which holds these entries and has seen the records
 */
export function historyContract(
  name: string,
  over: (records: Records) => Use,
  older: (records: Records, entries: readonly RunEntry[]) => Promise<void> | void,
): void {
  describe(`the history of runs in ${name}`, () => {
    let there: Records
    let use: Use
    beforeEach(() => {
      there = records()
      use = over(there)
    })
    afterEach(() => there.remove())
    const setAsideIn = async (history: RunHistory): Promise<string[]> =>
      (await history.setAside()).map(({ id }) => id)

    it('is made from the records when it is not there, and follows what is added', async () => {
      there.keep('1')
      there.keep('2', { verdict: 'pass' })
      expect(await use(idsIn)).toEqual(['1', '2'])
      there.keep('3', { verdict: 'fail', startedAt: '2026-02-01T00:00:00Z' })
      expect(
        (await use(async (history) => history.latest())).map(({ id, verdict }) => [id, verdict]),
      ).toEqual([['3', 'fail']])
    })

    it('knows which of some runs it holds', async () => {
      there.keep('1')
      there.keep('2')
      expect([...(await use(async (history) => history.known(['2', '3', "'; DROP TABLE runs"])))]).toEqual([
        '2',
      ])
      expect([...(await use(async (history) => history.known([])))]).toEqual([])
    })

    it('returns the newest runs of each suite, by when they began, oldest first', async () => {
      for (const [index, id] of ['c', 'a', 'b'].entries())
        there.keep(id, { startedAt: `2026-02-0${index + 1}T00:00:00Z` })
      there.keep('d', { suite: 'capacity', startedAt: '2026-01-01T00:00:00Z' })
      const [browse, capacity] = await use(async (history) =>
        Promise.all((await history.series()).map(async (series) => history.runs(series, 2))),
      )
      expect([browse?.all, browse?.entries.map(({ id }) => id)]).toEqual([3, ['a', 'b']])
      expect(capacity?.entries.map(({ id }) => id)).toEqual(['d'])
      expect((await use(async (history) => history.latest('capacity'))).map(({ id }) => id)).toEqual(['d'])
      expect((await use(async (history) => history.latest())).map(({ id }) => id)).toEqual(['b', 'd'])
    })

    it('puts the later of two entries of a run in the place of the earlier', async () => {
      there.keep('1', { verdict: 'pass' })
      const [entry] = await use(async (history) => history.latest())
      if (!entry) throw new Error('no entry')
      await use(async (history) =>
        history.put(
          [
            { ...entry, steps: {}, verdict: 'fail' },
            { ...entry, steps: {}, verdict: 'inconclusive' },
          ],
          [],
        ),
      )
      expect((await use(async (history) => history.latest())).map(({ verdict }) => verdict)).toEqual([
        'inconclusive',
      ])
    })

    it('has the steps of a series, and each of them over its newest runs', async () => {
      for (const [index, id] of ['c', 'a', 'b'].entries())
        there.keep(id, { startedAt: `2026-02-0${index + 1}T00:00:00Z` })
      const [series] = await use(async (history) => history.series())
      if (series === undefined) throw new Error('no series')
      expect(await use(async (history) => history.steps(series))).toEqual(['a/b'])
      const read = async (since: { newest: number; fromMs?: number }, step = 'a/b'): Promise<string[]> =>
        (await use(async (history) => history.step(series, step, since))).map(({ run }) => run)
      expect(await read({ newest: 2 })).toEqual(['a', 'b'])
      expect(await read({ newest: 9, fromMs: Date.parse('2026-02-02T00:00:00Z') })).toEqual(['a', 'b'])
      expect(await read({ newest: 9 }, 'a/other')).toEqual([])
      const [first] = await use(async (history) => history.step(series, 'a/b', { newest: 9 }))
      const { requests, errors, latency } = example.endpoints['a/b'] ?? {}
      expect(first).toEqual({
        run: 'c',
        startedMs: Date.parse('2026-02-01T00:00:00Z'),
        figures: { requests, errors, ...latency },
      })
    })

    it('keeps a run that is put again once, also at another time or with other steps', async () => {
      const [original] = [entryOf({ ...example, id: '1' }, 'pass')]
      const [own] = Object.values(original.steps)
      if (own === undefined) throw new Error('no step')
      const moved = { ...original, startedAt: '2026-03-01T00:00:00Z', steps: { 'a/c': own } }
      const all = await use(async (history) => {
        for (const run of [original, original, moved]) await history.put([run], [])
        const [series] = await history.series()
        if (series === undefined) throw new Error('no series')
        return Promise.all(['a/b', 'a/c'].map(async (step) => history.step(series, step, { newest: 9 })))
      })
      expect(all.map((runs) => runs.map(({ startedMs }) => startedMs))).toEqual([
        [],
        [Date.parse('2026-03-01T00:00:00Z')],
      ])
    })

    it('keeps each run once while two writers put the same runs at other times', async () => {
      const original = entryOf(example, 'pass')
      const write = async (startedAt: string, ids: readonly string[]): Promise<void> =>
        use(async (history) => {
          for (let round = 0; round < 10; round += 1)
            await history.put(
              ids.map((id) => ({ ...original, id, startedAt })),
              [],
            )
        })
      const ids = ['1', '2', '3', '4', '5', '6', '7', '8']
      await use(idsIn)
      await Promise.all([write('2026-02-01T00:00:00Z', ids), write('2026-03-01T00:00:00Z', ids.toReversed())])
      const [entries, steps] = await use(async (history) => {
        const [series] = await history.series()
        if (series === undefined) throw new Error('no series')
        return [(await history.runs(series, 100)).entries, await history.step(series, 'a/b', { newest: 100 })]
      })
      expect(entries.map(({ id }) => id).toSorted()).toEqual(ids)
      expect(steps.map(({ run }) => run).toSorted()).toEqual(ids)
      const timeOf = new Map(entries.map(({ id, startedAt }) => [id, Date.parse(startedAt)]))
      expect(steps.map(({ run, startedMs }) => timeOf.get(run) === startedMs)).not.toContain(false)
    })

    it('merges runs to what their pooled histogram says, and keeps their figures and verdicts', async () => {
      const { put, pooled } = variedRuns()
      const dayMs = Date.parse('2026-02-01T00:00:00Z')
      const [merged, again, left] = await use(async (history) => {
        await history.put(put, [])
        const [series] = await history.series()
        if (series === undefined) throw new Error('no series')
        const readStep = async (): Promise<StepRun[]> => history.step(series, 'a/b', { newest: 100 })
        const detailed = await history.detailed(series, Date.parse('2026-02-01T06:00:00Z'))
        expect(detailed.map(({ id }) => id)).toEqual(['0', '1', '2', '3', '4', '5'])
        const old = detailed.map(({ id }) => id).filter((id) => id !== '3')
        expect(await history.thin(series, old.slice(0, 2), dayMs)).toBe(2)
        expect(await history.thin(series, [...old, ...old], dayMs)).toBe(3)
        const once = await readStep()
        expect(await history.thin(series, old, dayMs)).toBe(0)
        await history.put(put, [])
        return [once, await readStep(), (await history.runs(series, 100)).entries]
      })
      expect(again).toEqual(merged)
      expect(merged.map(({ run }) => run)).toEqual(['merged-2026-02-01', '3', '6', '7'])
      const expected = pooled(['0', '1', '2', '4', '5'])
      expect(merged[0]).toMatchObject({ startedMs: dayMs, merged: { runs: 5, durationMs: 150_000 } })
      for (const column of stepColumns)
        expect(merged[0]?.figures[column]).toBeCloseTo(expected[column], column === 'meanMs' ? 2 : 4)
      expect(left.map(({ id, verdict }) => [id, verdict])).toEqual(put.map(({ id }) => [id, 'pass']))
    })

    it('returns the histograms that were put', async () => {
      const { put } = variedRuns()
      const found = await use(async (history) => {
        await history.put(put, [])
        return history.histograms(['0', '7', "'; DROP TABLE runs"])
      })
      expect(found).toEqual(new Map([put[0], put[7]].map((run) => [run?.id, run?.histograms])))
    })

    it('merges each run once while two do it at the same time', async () => {
      const { put, pooled } = variedRuns()
      const ids = put.map(({ id }) => id)
      await use(async (history) => history.put(put, []))
      const thin = async (): Promise<number> =>
        use(async (history) => {
          const [series] = await history.series()
          if (series === undefined) throw new Error('no series')
          let count = 0
          for (const id of ids) count += await history.thin(series, [id], 0)
          return count
        })
      const counts = await Promise.all([thin(), thin()])
      expect(counts[0] + counts[1]).toBe(ids.length)
      const [only] = await use(async (history) => {
        const [series] = await history.series()
        return series === undefined ? [] : history.step(series, 'a/b', { newest: 100 })
      })
      expect(only?.merged?.runs).toBe(ids.length)
      expect(only?.figures.p95Ms).toBeCloseTo(pooled(ids).p95Ms, 4)
    })

    it('names a damaged record, uses the rest, and takes it up once it is mended', async () => {
      there.keep('1')
      there.keep('2', { text: '{"schema":"vigil.run/1"' })
      there.keep('3', { text: JSON.stringify({ ...example, id: '3', schema: 'vigil.run/2' }) })
      expect(await use(async (history) => [await idsIn(history), await setAsideIn(history)])).toEqual([
        ['1'],
        ['2', '3'],
      ])
      there.keep('2')
      expect(await use(async (history) => [await idsIn(history), await setAsideIn(history)])).toEqual([
        ['1', '2'],
        ['3'],
      ])
    })

    it('passes over a run that is being made, and has it once it is', async () => {
      mkdirSync(join(there.out, 'runs', '1'), { recursive: true })
      expect(await use(idsIn)).toEqual([])
      there.keep('1')
      expect(await use(idsIn)).toEqual(['1'])
    })

    it('keeps runs of another target or load apart, but not another port of a started service', async () => {
      const own = { revision: 'c0ffee', dirty: false }
      there.keep('1', { target: { url: 'http://127.0.0.1:8000/', ...own } })
      there.keep('2', { target: { url: 'http://127.0.0.1:41234', started: true, ...own } })
      there.keep('3', { target: { url: 'http://127.0.0.1:8000' } })
      there.keep('4', { target: { url: 'http://user:s3cret@127.0.0.1:9000/?token=s3cret' } })
      there.keep('5', { load: { model: 'arrival-rate', ratePerSecond: 30 } })
      there.keep('6', { load: { model: 'connections', connections: 8 } })
      expect(await use(runsBySeries)).toEqual([
        ['http://127.0.0.1 (started by vigil)', '20 journeys/s', ['1', '2']],
        ['http://127.0.0.1 (started by vigil)', '30 journeys/s', ['5']],
        ['http://127.0.0.1 (started by vigil)', '8 connections', ['6']],
        ['http://127.0.0.1:8000', '20 journeys/s', ['3']],
        ['http://127.0.0.1:9000', '20 journeys/s', ['4']],
      ])
      expect((await use(async (history) => history.latest())).map(({ id }) => id)).toHaveLength(5)
    })

    it('of the first layout is read without loss, and grouped by the records that are there', async () => {
      const { target: _, load: __, steps: ___, ...entry } = entryOf(example, 'pass')
      there.keep('1', { verdict: 'pass', load: { model: 'arrival-rate', ratePerSecond: 30 } })
      await older(there, ['1', '2', '3'].map((id) => ({ ...entry, id, requests: 77 })) as RunEntry[])
      expect(await use(runsBySeries)).toEqual([
        ['http://127.0.0.1 (started by vigil)', '30 journeys/s', ['1']],
        ['unknown', 'unknown', ['2', '3']],
      ])
      const kept = await use(async (history) => history.latest())
      expect(kept.find(({ id }) => id === '3')).toMatchObject({ requests: 77, verdict: 'pass' })
      there.keep('4')
      expect(await use(idsIn)).toEqual(['1', '2', '3', '4'])
    })

    it('keeps the figures of runs whose records were deleted', async () => {
      there.keep('1')
      there.keep('2')
      await use(idsIn)
      rmSync(join(there.out, 'runs', '1'), { recursive: true })
      expect(await use(idsIn)).toEqual(['1', '2'])
    })

    it('is complete with several at the same time', async () => {
      for (let index = 0; index < 40; index += 1) there.keep(String(index))
      const found = await Promise.all([use(idsIn), use(idsIn), use(idsIn)])
      expect(found.map((each) => each.length)).toEqual([40, 40, 40])
    })
  })
}
