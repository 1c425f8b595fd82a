import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { simulateDuet } from '../../../bench/detection-study/simulations.ts'
import type { Verdict } from '../../../baselines/index.ts'
import { UsageError } from '../../shared/world.ts'
import { jsonLines, knownNoise, runInWorld } from '../../testing/world.ts'
import type { Said } from '../../testing/world.ts'
import { compare } from './run.ts'
import type { CompareOptions } from './command.ts'

let folder = ''
const same = simulateDuet({ level: 'quiet', change: {}, pairs: 24, seconds: 2.5 }, 21)
const slower = simulateDuet({ level: 'quiet', change: { all: 1.2 }, pairs: 24, seconds: 2.5 }, 21)

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'vigil-compare-'))
  const write = (name: string, value: unknown): void =>
    writeFileSync(join(folder, name), typeof value === 'string' ? value : JSON.stringify(value))
  for (const [index, run] of same.baseline.entries()) write(`base-${index}.json`, run)
  write('base.json', same.baseline)
  write('base.jsonl', same.baseline.map((run) => JSON.stringify(run)).join('\n'))
  write('slower.json', slower.candidate)
  write('cut.json', JSON.stringify(same.baseline).slice(0, 4000))
  mkdirSync(join(folder, '.vigil', 'runs', 'one'), { recursive: true })
  write('.vigil/runs/one/record.json', same.baseline[0])
  const good = (id: unknown, duet: typeof same): string => JSON.stringify({ id, ...duet })
  write(
    'cases.jsonl',
    [
      good('same', same),
      '{"id":"broken","baseline":[{}],"candidate":[]}',
      '',
      'not json',
      '[1]',
      good(7, slower),
    ].join('\n'),
  )
  write('good.jsonl', `${good('same', same)}\n${good('slower', slower)}\n`)
  const few = { baseline: same.baseline.slice(0, 2), candidate: same.candidate.slice(0, 2) }
  write('long.jsonl', Array.from({ length: 30 }, (_, id) => (id === 20 ? '{' : good(id, few))).join('\n'))
  write('empty.jsonl', '\n\n')
  const lines = same.baseline.map((run) => JSON.stringify(run))
  const marked = (text: string): string => `\ufeff${text}`
  writeFileSync(join(folder, 'utf16le.json'), marked(JSON.stringify(same.baseline)), 'utf16le')
  writeFileSync(join(folder, 'utf16be.jsonl'), Buffer.from(marked(lines.join('\r\n')), 'utf16le').swap16())
  writeFileSync(join(folder, 'marked.jsonl'), marked(`${lines.join('\r\n')}\r\n`))
  // Two files with marks, one after the other.
  writeFileSync(join(folder, 'joined.jsonl'), lines.map(marked).join('\n'))
  writeFileSync(join(folder, 'latin1.json'), Buffer.from('{"suite":"caf\u00e9"}', 'latin1'))
  const cases = `${good('same', same)}\r\n${good('slower', slower)}\r\n`
  writeFileSync(join(folder, 'cases-utf16.jsonl'), marked(cases), 'utf16le')
  writeFileSync(join(folder, 'cases-marked.jsonl'), marked(cases))
  writeFileSync(
    join(folder, 'cases-latin1.jsonl'),
    Buffer.from(`{"id":"\u00e9"}\n${good(1, same)}`, 'latin1'),
  )
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function run(options: Partial<CompareOptions>): Promise<Said> {
  return runInWorld(folder, async (world) => compare({ out: '.vigil', ...options }, world))
}

const each = (side: string): string[] => Array.from({ length: 24 }, (_, index) => `${side}-${index}.json`)

const idsAndVerdicts = (stdout: string): unknown[] =>
  jsonLines<Verdict & { id: unknown }>(stdout).map(({ id, verdict }) => [id, verdict])

describe('records as other tools and machines write them', () => {
  it.each(['utf16le.json', 'utf16be.jsonl', 'marked.jsonl', 'joined.jsonl'])('%s is read', async (name) => {
    const plain = await run({ baseline: each('base'), candidate: ['slower.json'] })
    const other = await run({ baseline: [name], candidate: ['slower.json'] })
    expect(other).toEqual(plain)
  })

  it.each(['cases-utf16.jsonl', 'cases-marked.jsonl'])('%s is judged', async (batch) => {
    const { code, stdout } = await run({ batch: join(folder, batch) })
    expect([code, ...idsAndVerdicts(stdout)]).toEqual([0, ['same', 'pass'], ['slower', 'fail']])
  })

  it('and bytes that are not text are named', async () => {
    const file = join(folder, 'latin1.json')
    await expect(run({ baseline: ['latin1.json'], candidate: ['slower.json'] })).rejects.toThrow(
      new UsageError(
        `${file}: byte 13: found 0xe9, expected text in UTF-8, or UTF-16 with a byte order mark`,
      ),
    )
    const { code, stdout, stderr } = await run({ batch: join(folder, 'cases-latin1.jsonl') })
    expect([code, ...idsAndVerdicts(stdout)]).toEqual([2, [null, 'invalid'], [1, 'pass']])
    expect(stderr).toContain('cases-latin1.jsonl:1: byte 7: found 0xe9, expected text in UTF-8')
  })
})

describe('vigil compare', () => {
  it('says at a glance what is slower, worst first, and exits 1', async () => {
    const { code, stdout, stderr } = await run({ baseline: each('base'), candidate: ['slower.json'] })
    expect([code, stderr]).toEqual([1, ''])
    const [first = '', second = ''] = stdout.split('\n')
    expect(first).toMatch(/^FAIL {2}worse in \d+ of \d+$/)
    expect(second).toMatch(/^ {2}FAIL .*p(50|95) \S+ → \S+ ms: \+\d+.* % \(\+.*… \+.*\)/)
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100)
  })

  it('is not asked for less than a duet can show on a machine whose noise is known', async () => {
    const metric = {
      deviation: 0.05,
      betweenProcesses: 0,
      detectable: { '30': 0.1, '60': 0.08, '120': 0.06 },
    }
    const duet = same.baseline
      .map((one) => JSON.stringify({ ...one, suite: 'browse-duet', environment: { fingerprint: 'here' } }))
      .join('\n')
    writeFileSync(join(folder, 'duet.jsonl'), duet)
    mkdirSync(join(folder, 'known'))
    writeFileSync(join(folder, 'known', 'noise.json'), JSON.stringify(knownNoise(metric)))
    await expect(
      run({ baseline: ['duet.jsonl'], candidate: ['duet.jsonl'], margin: 2, out: 'known' }),
    ).rejects.toThrow('--margin: found 2 %, expected at least 6 %: as measured here by vigil doctor --noise')
    expect(
      (await run({ baseline: ['duet.jsonl'], candidate: ['duet.jsonl'], margin: 8, out: 'known' })).code,
    ).toBe(0)
    expect(
      (await run({ baseline: ['base.jsonl'], candidate: ['base.jsonl'], margin: 2, out: 'known' })).code,
    ).not.toBe(2)
  })

  it('prints exactly one verdict with --json', async () => {
    const { code, stdout } = await run({ baseline: ['base.json'], candidate: ['base.jsonl'], json: true })
    expect([code, (JSON.parse(stdout) as Verdict).verdict]).toEqual([0, 'pass'])
  })

  it('finds a run by its folder and by its id, and is inconclusive on one pair', async () => {
    const { code, stdout } = await run({ baseline: ['one'], candidate: [join('.vigil', 'runs', 'one')] })
    expect([code, stdout]).toEqual([3, expect.stringContaining('1 pair, at least 8 are needed')])
  })

  it('repeats the control of a duet', async () => {
    const sides = { baseline: ['base.json'], candidate: ['base.json'] }
    const quiet = await run({ ...sides, control: ['base.jsonl', 'base.json'], json: true })
    expect([quiet.code, JSON.parse(quiet.stdout)]).toEqual([
      0,
      expect.objectContaining({ verdict: 'pass', control: expect.objectContaining({ verdict: 'pass' }) }),
    ])
    const disturbed = await run({ ...sides, control: ['base.json', 'slower.json'] })
    expect([disturbed.code, disturbed.stdout]).toEqual([
      4,
      expect.stringMatching(/^INVALID {2}cannot be compared/),
    ])
    expect(disturbed.stdout).toContain('control: two random halves of the baseline: p50 +')
  })

  it('takes a wider margin in per cent', async () => {
    expect((await run({ baseline: ['base.json'], candidate: ['slower.json'], margin: 40 })).code).toBe(0)
  })

  it.each([
    ['no candidate', { baseline: ['base.json'] }, '--candidate: found none'],
    [
      'a file that is not there',
      { baseline: ['nowhere.json'], candidate: ['base.json'] },
      'nowhere.json: not found',
    ],
    ['a file that is cut off', { baseline: ['base.json'], candidate: ['cut.json'] }, 'cut.json: not JSON'],
    ['standard input twice', { baseline: ['-'], candidate: ['-'] }, '-: found twice'],
    [
      'half a control',
      { baseline: ['base.json'], candidate: ['base.json'], control: ['base.json'] },
      '--control: found 1 file, expected two',
    ],
    ['a batch and files', { batch: 'good.jsonl', baseline: ['base.json'] }, '--batch: found together with'],
    ['an empty batch', { batch: 'empty.jsonl' }, 'empty.jsonl: empty, expected one case per line'],
    ['a batch that is not there', { batch: 'nowhere.jsonl' }, 'nowhere.jsonl: not found'],
  ] as [string, Partial<CompareOptions>, string][])('refuses %s in one line', async (_, options, says) => {
    const problem: unknown = await run({
      ...options,
      ...(options.batch && { batch: join(folder, options.batch) }),
    }).catch((error: unknown) => error)
    expect(problem).toBeInstanceOf(UsageError)
    expect(String(problem)).toContain(says)
    expect(String(problem)).not.toContain('\n')
  })
})

describe('vigil compare --batch', () => {
  it('prints one verdict a line, in order, with the id, and exits 0 whatever they are', async () => {
    const { code, stdout, stderr } = await run({ batch: join(folder, 'good.jsonl') })
    expect([code, stderr]).toEqual([0, ''])
    expect(idsAndVerdicts(stdout)).toEqual([
      ['same', 'pass'],
      ['slower', 'fail'],
    ])
  })

  it('keeps the order of a long batch', async () => {
    const { code, stdout } = await run({ batch: join(folder, 'long.jsonl') })
    expect([code, jsonLines<{ id: number }>(stdout).map(({ id }) => id)]).toEqual([
      2,
      Array.from({ length: 30 }, (_, index) => (index === 20 ? null : index)),
    ])
  })

  it(
    'loses no good line to a bad one: that is invalid, named on stderr with its line, and the end is ' +
      'exit 2',
    async () => {
      const { code, stdout, stderr } = await run({ batch: join(folder, 'cases.jsonl') })
      expect(code).toBe(2)
      expect(idsAndVerdicts(stdout)).toEqual([
        ['same', 'pass'],
        ['broken', 'invalid'],
        [null, 'invalid'],
        [null, 'invalid'],
        [7, 'fail'],
      ])
      const problems = stderr.trim().split('\n')
      expect(problems).toHaveLength(3)
      expect(problems[0]).toContain('cases.jsonl:2: baseline[0]: schema: ')
      expect(problems[1]).toContain('cases.jsonl:4: not JSON')
      expect(problems[2]).toContain('cases.jsonl:5: found an array, expected an object with an id')
    },
  )
})
