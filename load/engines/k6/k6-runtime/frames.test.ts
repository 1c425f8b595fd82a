import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FrameReader, formatFrames } from './frames.ts'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const nonce = '0b9c2f7e-aaaa-4bbb-8ccc-0123456789ab'
const text = JSON.stringify({ rises: Array.from({ length: 8000 }, (_, index) => index % 977) })
const linesOf = (of = text, author = 'shard-1'): string[] =>
  formatFrames(nonce, author, of, sha256(of)).slice(0, -1).split('\n')

function read(lines: readonly string[]) {
  const reader = new FrameReader(nonce, sha256)
  for (const line of lines) reader.add(line)
  return reader.reports()
}

describe('a text as lines of a log', () => {
  it('is read again, in any order, with lines twice and others between them', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii', maxLength: 30_000 }), fc.nat(), (given, seed) => {
        const flat = given.replaceAll(/[\n\r]/g, ' ')
        const lines = linesOf(flat)
        const turned = [...lines.slice(seed % lines.length), ...lines]
        expect(read(turned.flatMap((line) => [`k6 says ${line.length}`, line]))).toEqual([
          { author: 'shard-1', report: { state: 'ok', text: flat } },
        ])
      }),
    )
  })

  it('fits the lines of container runtimes', () => {
    expect(Math.max(...linesOf().map((line) => line.length))).toBeLessThan(8192)
    expect(linesOf().length).toBeGreaterThan(2)
  })

  it('names the parts that did not come', () => {
    fc.assert(
      fc.property(fc.subarray(linesOf(), { minLength: 1 }), (lines) => {
        const [found] = read(lines)
        const missing = linesOf().flatMap((line, index) => (lines.includes(line) ? [] : [index + 1]))
        if (missing.length === 0) expect(found?.report).toEqual({ state: 'ok', text })
        else
          expect(found?.report).toEqual({
            state: 'missing',
            reason: expect.stringContaining(
              `of ${linesOf().length} parts, ${missing.slice(0, 5).join(', ')}`,
            ),
          })
      }),
    )
  })

  it.each<[string, (line: string) => string]>([
    ['is shorter', (line) => line.slice(0, -1)],
    ['has another character', (line) => line.replace(/.$/, 'x')],
    ['is empty', (line) => line.slice(0, nonce.length + 90)],
  ])('is refused when a part %s', (_, damage) => {
    const lines = linesOf()
    const damaged = lines.with(1, damage(lines[1] ?? ''))
    expect(read(damaged)[0]?.report).toMatchObject({
      state: 'missing',
      reason: expect.stringMatching(/^its result was (damaged|cut)/),
    })
    // A second copy of the log mends it.
    expect(read([...damaged, ...lines])[0]?.report.state).toBe('ok')
  })

  it('is not taken from a line without the nonce, as a target may make one', () => {
    expect(read(linesOf().map((line) => line.replace(nonce, 'guess')))).toEqual([])
  })

  it('that comes twice, with another content, is two reports', () => {
    expect(read([...linesOf('{"a":1}'), ...linesOf('{"a":2}')]).map(({ report }) => report)).toEqual([
      { state: 'ok', text: '{"a":1}' },
      { state: 'ok', text: '{"a":2}' },
    ])
  })
})
