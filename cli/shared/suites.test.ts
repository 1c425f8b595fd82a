import { describe, expect, it } from 'vitest'
import type { Config } from '../../config/index.ts'
import { planSuite } from './suites.ts'
import { UsageError } from './world.ts'

const config: Config = {
  target: { url: 'http://127.0.0.1:8000' },
  journeys: './journeys.ts',
  budgets: { p95Ms: 500 },
  suites: {
    browse: { engine: 'k6', journeys: { home: 1 }, load: { ratePerSecond: 20 }, durationSeconds: 30 },
    capacity: {
      engine: 'autocannon',
      journeys: { home: 1 },
      load: { connections: 8 },
      durationSeconds: 12,
      budgets: { requestsPerMinute: 1000 },
    },
    own: { engine: 'k6', script: './own.js', load: { ratePerSecond: 1 }, durationSeconds: 10 },
  },
}

describe('the suite that is loaded', () => {
  it('is the first when none is named, with the budgets of the config when it has none', () => {
    expect(planSuite(config, undefined, {})).toMatchObject({ name: 'browse', budgets: { p95Ms: 500 } })
    expect(planSuite(config, 'capacity', {}).budgets).toEqual({ requestsPerMinute: 1000 })
  })

  it('takes rate, connections, duration and engine from the command line', () => {
    expect(planSuite(config, 'browse', { rate: 5, duration: 3 }).suite).toMatchObject({
      engine: 'k6',
      load: { ratePerSecond: 5 },
      durationSeconds: 3,
    })
    expect(planSuite(config, 'browse', { engine: 'autocannon', connections: 4 }).suite).toMatchObject({
      engine: 'autocannon',
      load: { connections: 4 },
    })
    expect(planSuite(config, 'capacity', { engine: 'k6', rate: 7 }).suite).toMatchObject({
      engine: 'k6',
      load: { ratePerSecond: 7 },
    })
  })

  it('is made by as many processes as --shards says; one is the usual load', () => {
    expect(planSuite(config, 'browse', { shards: 4 }).shards).toBe(4)
    expect(planSuite(config, 'browse', { shards: 1 })).not.toHaveProperty('shards')
    expect(planSuite(config, 'capacity', { shards: 1 })).not.toHaveProperty('shards')
  })

  const image = `grafana/k6@sha256:${'a'.repeat(64)}`
  const where = { kubernetes: true, context: 'staging', namespace: 'load', parallelism: 3 }

  it('is made by as many runners in Kubernetes as --parallelism says, with its settings', () => {
    const own = { image, cpu: '2', startMinutes: 1 }
    expect(planSuite({ ...config, kubernetes: own }, 'browse', where)).toMatchObject({
      shards: 3,
      kubernetes: {
        context: 'staging',
        namespace: 'load',
        parallelism: 3,
        image,
        cpu: '2',
        memory: '1Gi',
        initializer: false,
        startMs: 60_000,
      },
    })
  })

  it.each([
    [{ ...where, context: undefined }, 'never loads from whatever kubectl'],
    [{ ...where, parallelism: undefined }, '--kubernetes needs --context, --namespace and --parallelism'],
    [{ ...where }, 'needs the image of k6: set kubernetes.image'],
    [
      { ...where, image: 'grafana/k6:latest' },
      '--image: found "grafana/k6:latest", expected an image with its digest',
    ],
    [
      { ...where, image, namespace: 'A/../b' },
      '--namespace: found "A/../b", expected the name of a namespace',
    ],
    [{ ...where, image, shards: 2 }, '--shards divides a load on this machine'],
    [
      { ...where, image, engine: 'autocannon' as const, connections: 2 },
      'needs a suite of journeys, loaded by k6',
    ],
    [{ context: 'staging' }, '--context goes with --kubernetes'],
  ])('in Kubernetes is refused for %o', (changes, problem) => {
    const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
    expect(() => planSuite(config, 'browse', given)).toThrow(problem)
  })

  it.each([
    ['own', { rate: 5 }, '--rate cannot change them'],
    ['own', { duration: 5 }, '--duration cannot change them'],
    ['own', { shards: 2 }, '--shards needs a suite of journeys'],
    ['capacity', { shards: 9 }, 'has 8 connections: --shards 9 needs one for each process'],
    ['own', { rate: 5, duration: 3 }, '--rate and --duration cannot change them'],
    ['brwose', {}, 'suite "brwose" is not in the config (did you mean browse?)'],
    [
      'browse',
      { connections: 4 },
      'suite browse is loaded by k6, at a rate: --connections goes with --engine autocannon',
    ],
    [
      'browse',
      { engine: 'autocannon' },
      'suite browse has no connections: --engine autocannon needs --connections',
    ],
    [
      'capacity',
      { rate: 4 },
      'suite capacity is loaded by autocannon, by connections: --rate goes with --engine k6',
    ],
    ['capacity', { engine: 'k6' }, 'suite capacity has no rate: --engine k6 needs --rate'],
    [
      'own',
      { engine: 'autocannon', connections: 1 },
      'suite own is a k6 script: --engine autocannon cannot run it',
    ],
  ] as const)('%s with %j is refused: %s', (name, changes, says) => {
    expect(() => planSuite(config, name, changes)).toThrow(UsageError)
    expect(() => planSuite(config, name, changes)).toThrow(says)
  })
})
