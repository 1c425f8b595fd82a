import { describe, expect, test } from 'vitest'
import { compareProfiles } from './compare.ts'
import { profileSchema } from './document.ts'
import { isOwnFile } from './stacks.ts'
import type { SideProfile, StackNode } from './stacks.ts'

/** `name@file:line` with samples of its own. */
function node(place: string, samples: number, children: StackNode[] = []): StackNode {
  const [, name = '', file = '', line = '0'] = /^(.*?)@(.*?)(?::(\d+))?$/.exec(place) ?? []
  return { frame: { name, file, line: Number(line) }, samples, children }
}

/** 1,000 requests, and half a millisecond a sample: 2,000 samples are 1 ms a request. */
function profile(...roots: StackNode[]): SideProfile {
  return { requests: 1000, sampleMs: 0.5, roots }
}

describe('two profiles', () => {
  test('give the change of each function in CPU time a request, largest first', () => {
    const baseline = profile(node('handle@app.ts:3', 400, [node('parse@parse.ts:9', 600)]))
    const candidate = profile(
      node('handle@app.ts:3', 400, [node('parse@parse.ts:12', 2600), node('log@log.ts:1', 200)]),
    )
    const { changes, ...sides } = compareProfiles(baseline, candidate)
    expect(changes).toEqual([
      {
        name: 'parse',
        file: 'parse.ts',
        line: { baseline: 9, candidate: 12 },
        selfMs: { baseline: 0.3, candidate: 1.3 },
        totalMs: { baseline: 0.3, candidate: 1.3 },
      },
      {
        name: 'log',
        file: 'log.ts',
        line: { candidate: 1 },
        selfMs: { baseline: 0, candidate: 0.1 },
        totalMs: { baseline: 0, candidate: 0.1 },
      },
    ])
    expect(sides.baseline).toEqual({ requests: 1000, samples: 1000, cpuMsPerRequest: 0.5 })
    expect(sides.candidate.cpuMsPerRequest).toBe(1.6)
  })

  test('of different numbers of requests and sample lengths are compared by request', () => {
    const { changes, candidate } = compareProfiles(
      { requests: 1000, sampleMs: 0.5, roots: [node('a@a.ts', 2000)] },
      { requests: 500, sampleMs: 0.25, roots: [node('a@a.ts', 2000)] },
    )
    expect(candidate.cpuMsPerRequest).toBe(1)
    expect(changes).toEqual([])
  })

  test('name a function by its name and file, wherever its lines have moved', () => {
    const { changes } = compareProfiles(
      profile(node('a@a.ts:10', 900), node('a@b.ts:10', 100)),
      profile(node('a@a.ts:90', 900), node('a@b.ts:10', 1100)),
    )
    expect(changes.map(({ file, line }) => ({ file, line }))).toEqual([
      { file: 'b.ts', line: { baseline: 10, candidate: 10 } },
    ])
  })

  test('sum a function over all places that call it, and count recursion once in its total', () => {
    const recursive = (samples: number): StackNode =>
      node('walk@tree.ts:1', samples, [node('walk@tree.ts:1', samples, [node('visit@tree.ts:8', 100)])])
    const { changes } = compareProfiles(profile(recursive(100)), profile(recursive(600), recursive(400)))
    expect(changes[0]).toMatchObject({
      name: 'walk',
      selfMs: { baseline: 0.1, candidate: 1 },
      totalMs: { baseline: 0.15, candidate: 1.1 },
    })
  })

  test('know a function without a name by who called it', () => {
    const { changes } = compareProfiles(
      profile(node('list@a.ts', 0, [node('@a.ts:4', 500)]), node('read@a.ts', 0, [node('@a.ts:9', 500)])),
      profile(node('list@a.ts', 0, [node('@a.ts:5', 500)]), node('read@a.ts', 0, [node('@a.ts:9', 900)])),
    )
    expect(changes.map(({ name, line }) => [name, line.candidate])).toEqual([
      ['(anonymous, called by read)', 9],
    ])
  })

  test('name a dependency with its caller, and the caller with what the dependency did for it', () => {
    const called = (samples: number): StackNode[] => [
      node('find@src/store.ts:7', 10, [node('query@node_modules/pg/lib/q.js:1', samples)]),
    ]
    const { changes } = compareProfiles(profile(...called(100)), profile(...called(900)))
    expect(changes).toMatchObject([
      { name: 'find', selfMs: { baseline: 0.055, candidate: 0.455 } },
      {
        name: 'query',
        selfMs: { baseline: 0.05, candidate: 0.45 },
        calledBy: { name: 'find', file: 'src/store.ts', line: 7 },
      },
    ])
    expect(changes[0]).not.toHaveProperty('calledBy')
  })

  test('count what the runtime does inside a function for the function', () => {
    const spin = (samples: number): StackNode =>
      node('spin@a.ts:2', 10, [node('now@', samples), node('(garbage collector)@', 10)])
    const { changes, flame } = compareProfiles(
      profile(spin(100), node('(program)@', 10)),
      profile(spin(900), node('(program)@', 500)),
    )
    expect(changes.map(({ name, selfMs }) => [name, selfMs.candidate])).toEqual([
      ['spin', 0.46],
      ['(program)', 0.25],
    ])
    expect(flame.map(({ name }) => name)).toContain('now')
  })

  test('show nothing that sampling alone explains', () => {
    // 100 ± 10 and 130 ± 11 samples: two standard deviations.
    const { changes } = compareProfiles(profile(node('a@a.ts', 100)), profile(node('a@a.ts', 130)))
    expect(changes).toEqual([])
  })

  test('hold ten changes, and a call tree of bounded size', () => {
    const many = (samples: number): StackNode[] =>
      Array.from({ length: 3000 }, (_, index) => node(`f${index}@a.ts`, samples + index))
    const { changes, flame } = compareProfiles(profile(...many(100)), profile(...many(900)))
    expect(changes).toHaveLength(10)
    expect(flame.length).toBeLessThanOrEqual(2000)
  })

  test('of a stack of thousands of calls are compared', () => {
    let deep = node('leaf@a.ts', 5000)
    for (let depth = 0; depth < 5000; depth += 1) deep = node(`f${depth}@a.ts`, 0, [deep])
    const { candidate, flame } = compareProfiles(profile(), profile(deep))
    expect(candidate.samples).toBe(5000)
    expect(flame.length).toBeLessThanOrEqual(201)
  })

  test('make a document that its schema accepts, callers before callees', () => {
    const compared = compareProfiles(
      profile(node('a@a.ts', 10, [node('b@b.ts', 500)])),
      profile(node('a@a.ts', 10, [node('b@b.ts', 900), node('c@c.ts', 1)])),
    )
    const document = {
      schema: 'vigil.profile/1',
      run: 'r',
      suite: 's',
      source: 'inspector',
      seconds: 5,
      ...compared,
    }
    expect(profileSchema.parse(document)).toEqual(document)
    expect(compared.flame.map(({ parent, name }) => [parent, name])).toEqual([
      [-1, 'a'],
      [0, 'b'],
    ])
  })
})

test.each([
  ['src/a.ts', true],
  ['', false],
  ['node:internal/process/task_queues', false],
  ['node_modules/pg/lib/query.js', false],
  ['packages/api/node_modules/x/index.js', false],
  ['/usr/lib/go/src/net/http/server.go', false],
])('%s is a file of the repository: %s', (file, own) => {
  expect(isOwnFile(file)).toBe(own)
})
