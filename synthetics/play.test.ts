import { expect, it } from 'vitest'
import type { SendResult } from '../journeys/client/index.ts'
import type { Step, Until } from '../journeys/index.ts'
import { playPolling } from './play.ts'

const never = new AbortController().signal
const start = { user: 0, iteration: 0, unique: 'u', secrets: {} }

function answered(status: number, text = ''): SendResult {
  return { state: 'ok', response: { status, headers: {}, json: undefined, text }, durationMs: 1 }
}

const waiting = (until: Until): Step & { until: Until } => ({
  name: 'wait',
  until,
  request: () => ({ method: 'GET', path: '/job' }),
  check: ({ text }) => (text === 'done' ? undefined : `job is ${text}, expected done`),
  save: ({ text }) => ({ job: text }),
})
const after: Step = { name: 'after', request: () => ({ method: 'GET', path: '/after' }) }

async function playedWith(
  answers: SendResult[],
  until: Until = { everyMs: 0, timeoutMs: 60_000 },
  signal = never,
) {
  const paths: string[] = []
  const played = await playPolling(
    [waiting(until), after],
    start,
    async ({ path }) => {
      paths.push(path)
      return (
        (path === '/after' ? undefined : answers.length > 1 ? answers.shift() : answers[0]) ?? answered(200)
      )
    },
    signal,
  )
  return { ...played, paths }
}

it(
  'a step that waits is sent again until its check passes, counts as one step, and what it saved is ' +
    'there for later ones',
  async () => {
    const { steps, ctx, paths } = await playedWith([
      answered(200, 'queued'),
      answered(200, 'running'),
      answered(200, 'done'),
    ])
    expect(paths).toEqual(['/job', '/job', '/job', '/after'])
    expect(steps.map(({ step, ok }) => [step, ok])).toEqual([
      ['wait', true],
      ['after', true],
    ])
    expect(ctx).toMatchObject({ job: 'done', polls: 2 })
  },
)

it('takes as long as its user waits, pauses included', async () => {
  const { steps } = await playedWith(
    [answered(200, 'queued'), answered(200, 'queued'), answered(200, 'done')],
    { everyMs: 20, timeoutMs: 60_000 },
  )
  expect(steps[0]?.durationMs).toBeGreaterThan(35)
})

it('gives up when its time is over, and says what it still found', async () => {
  const { steps, paths } = await playedWith([answered(200, 'queued')], { everyMs: 5, timeoutMs: 30 })
  expect(steps).toMatchObject([
    {
      step: 'wait',
      ok: false,
      class: 'check',
      message: expect.stringMatching(
        /^job is queued, expected done, unchanged after \d+ ms and \d+ requests$/,
      ),
    },
  ])
  expect(paths).not.toContain('/after')
})

it.each([
  ['an error status', answered(500, 'queued')],
  ['no answer', { state: 'failed', class: 'connect', message: 'refused', durationMs: 1 } as const],
])('does not wait through %s', async (_what, answer) => {
  const { steps, paths } = await playedWith([answered(200, 'queued'), answer, answered(200, 'done')])
  expect([steps.length, steps[0]?.ok, paths.length]).toEqual([1, false, 2])
})

it('ends when it is interrupted', async () => {
  const { paths } = await playedWith(
    [answered(200, 'queued')],
    { everyMs: 60_000, timeoutMs: 600_000 },
    AbortSignal.timeout(20),
  )
  expect(paths.length).toBeLessThanOrEqual(2)
})
