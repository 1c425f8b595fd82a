import { describe, expect, it } from 'vitest'
import type { Project } from './describe.ts'
import { createPlans } from './plans.ts'
import type { RunRequest } from './plans.ts'

const suite = { engine: 'k6', load: '50 journeys started per second', warmupSeconds: 5, budgets: {} }
const project: Project = {
  schema: 'vigil.project/1',
  config: '/shop/vigil.config.ts',
  target: { url: 'http://127.0.0.1:3000', startedByVigil: true },
  suites: {
    browse: { ...suite, durationSeconds: 60 },
    soak: { ...suite, durationSeconds: 3600 },
    own: { ...suite, durationSeconds: 30, script: './load.js', load: 'as the k6 script sets it' },
  },
  probes: { shop: { plays: 'journey shop', timeoutMs: 5000, attempts: 2 } },
  gate: { suites: ['browse'], probes: ['shop'] },
}

function plansAt(clock: { ms: number }): ReturnType<typeof createPlans> {
  let drawn = 0
  return createPlans(
    () => clock.ms,
    () => (drawn += 0.1),
  )
}

describe('a plan', () => {
  it('names target and limit, and holds only what the config has', () => {
    const plan = plansAt({ ms: 0 }).add({ command: 'load', suite: 'browse', durationSeconds: 10 }, project)
    expect(plan).toMatchObject({
      target: 'http://127.0.0.1:3000',
      does:
        'k6 loads http://127.0.0.1:3000 with suite browse: 50 journeys started per second, ' +
        'for 5 s of warm-up and 10 s of measurement',
      limitSeconds: 135,
      args: ['load', 'browse', '--duration', '10'],
    })
    expect(plansAt({ ms: 0 }).add({ command: 'probe', probes: [] }, project)).toMatchObject({
      does: 'runs each of these probes once against http://127.0.0.1:3000: shop',
      limitSeconds: 130,
      args: ['probe', 'shop'],
    })
  })

  const refused: [string, RunRequest, string][] = [
    ['an unknown suite', { command: 'load', suite: '--target=http://evil' }, 'expected one of the config'],
    ['an unknown probe', { command: 'probe', probes: ['--every'] }, 'expected one of the config: shop'],
    [
      'more than the suite loads',
      { command: 'load', suite: 'browse', durationSeconds: 61 },
      'at most the 60',
    ],
    ['an hour', { command: 'load', suite: 'soak' }, 'expected at most 900'],
    ['another duration of a script', { command: 'load', suite: 'own', durationSeconds: 3 }, 'leave it out'],
  ]
  it.each(refused)('is refused for %s', (_, request, problem) => {
    expect(() => plansAt({ ms: 0 }).add(request, project)).toThrow(problem)
  })

  it('is started once, within ten minutes, and only while the config is the same', () => {
    const clock = { ms: 0 }
    const plans = plansAt(clock)
    const add = (): string => plans.add({ command: 'load', suite: 'browse' }, project).id
    const once = add()
    expect(plans.take(once, project).id).toBe(once)
    expect(() => plans.take(once, project)).toThrow('found no such plan')
    const late = add()
    clock.ms = 10 * 60_000 + 1
    expect(() => plans.take(late, project)).toThrow('found no such plan')
    const moved = { ...project, target: { ...project.target, url: 'https://shop.example.com' } }
    expect(() => plans.take(add(), moved)).toThrow('the config changed since the plan')
  })
})
