import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { toAddress } from '../../../journeys/index.ts'
import type { LoadScriptPlan } from './k6-runtime/wire.ts'
import { toMeasurement } from './measurement.ts'
import { largeBodiesReason, limitMemory, reportsMemoryEnd, withMemoryLimit } from './memory.ts'
import { toCounts } from './summary.ts'
import { exampleSummary, trendOf } from './testing/summaries.ts'

const gibibyte = 2 ** 30

describe('the memory of k6', () => {
  it.each([
    ['journeys', 64 * gibibyte, 1536],
    ['journeys', 2 * gibibyte, 1024],
    ['journeys', 0, 256],
    ['script', 64 * gibibyte, 32 * 1024],
    ['script', 0, 256],
  ] as const)('of %s with %i bytes free is at most %i MiB', (kind, free, mebibytes) => {
    expect(limitMemory(kind, free)).toBe(mebibytes * 2 ** 20)
  })

  it('is limited in its own process, which gets its arguments unchanged', () => {
    const [program, ...args] = withMemoryLimit(300 * 2 ** 20, [
      'sh',
      '-c',
      'ulimit -d; echo "$1"',
      'x',
      '$0 "a b"',
    ])
    expect(execFileSync(program, args, { encoding: 'utf8' })).toBe('307200\n$0 "a b"\n')
  })

  it('stays below a lower limit of the user', () => {
    const [program, ...args] = withMemoryLimit(300 * 2 ** 20, ['sh', '-c', 'ulimit -d'])
    const limited = ['-c', 'ulimit -d 200000; exec "$@"', 'sh', program, ...args]
    expect(execFileSync('sh', limited, { encoding: 'utf8' })).toBe('200000\n')
  })

  it.each([
    ['fatal error: runtime: out of memory', true],
    ['fatal error: out of memory allocating heap arena metadata', true],
    ['fatal error: runtime: cannot allocate memory', true],
    ['runtime: out of memory: cannot allocate 536870912-byte block (1073741824 in use)', true],
    ['fatal error: failed to reserve page summary memory', true],
    ['runtime/cgo: pthread_create failed: Resource temporarily unavailable', true],
    ['runtime: failed to create new OS thread (have 12 already; errno=11)', true],
    ['panic: runtime error: invalid memory address or nil pointer dereference', false],
    ['fatal error: concurrent map writes', false],
    ['GoError: the target said: fatal error: runtime: out of memory', false],
    ['fatal error: all goroutines are asleep - deadlock!', false],
  ])('was not enough: %s: %s', (line, expected) => {
    expect(reportsMemoryEnd(line)).toBe(expected)
  })
})

describe('bodies that are too large', () => {
  const plan: LoadScriptPlan = {
    kind: 'load',
    nonce: 'a-nonce',
    target: { address: toAddress('http://127.0.0.1:1'), ip: undefined, run: 'r' },
    secrets: [],
    journeys: ['a'],
    cycle: [0],
    steps: ['a/b'],
    ratePerSecond: 4,
    warmupMs: 0,
    durationMs: 1000,
    requestTimeoutMs: 1000,
    users: 1,
    preAllocated: 1,
    maxUsers: 1,
    sampleEvery: 1,
    contextsFile: undefined,
    summaryFile: '',
  }
  const saturationOf = (cpuRatio: number, example: string): string[] => {
    const summary = exampleSummary({
      iterations: trendOf([1, 2, 3, 4]),
      steps: [{ latency: trendOf([1, 2, 3]), unanswered: 1, failed: { check: 1 } }],
    })
    const observed = {
      startedAt: '',
      durationMs: 1000,
      interrupted: false,
      timeline: [],
      firstDroppedMs: undefined,
    }
    const cpu = { cpuRatio, machineIdle: 0.5 }
    return toMeasurement(
      plan,
      toCounts(summary),
      { firstFailure: () => ({ atMs: 0, example }) },
      { ...observed, cpu },
    ).saturation
  }

  it('are the first reason of a run whose limit was k6, and none of another', () => {
    const large = 'the body is larger than 4194304 bytes'
    expect(saturationOf(0.95, large)).toEqual([largeBodiesReason, expect.stringContaining('k6 used 95 %')])
    expect(saturationOf(0.95, 'no')).toEqual([expect.stringContaining('k6 used 95 %')])
    expect(saturationOf(0.3, large)).toEqual([])
  })
})
