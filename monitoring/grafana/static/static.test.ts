import { deflateSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { TargetAnswer } from '../query/panel.ts'
import { dashboardNames, panelsOf, readDashboard } from '../query/read.ts'
import type { DashboardJson } from '../query/read.ts'
import { format } from './format.ts'
import { decodePng, indexedPng } from './indexed-png.ts'
import { dashboardPage } from './page.ts'

const span = { from: 1_790_000_000, to: 1_790_000_600, step: 10 }
const hostile = '<img src=x onerror=alert(1)>"\'`'

/** Two series for each query, one with a gap, a zero and a NaN in it. */
function answersOf(dashboard: DashboardJson, labels: Record<string, string>): Map<number, TargetAnswer[]> {
  const values = [0, 1, 0.5, Number.NaN, 3, 4]
  const samples = values.map((value, index) => ({
    at: span.from + index * span.step * (index > 3 ? 2 : 1),
    value,
  }))
  return new Map(
    panelsOf(dashboard).map((panel) => [
      panel.id,
      panel.targets.map((target): TargetAnswer => ({
        target,
        expr: '',
        answer: {
          state: 'answered',
          series: [
            { labels, samples },
            { labels: { ...labels, status: '503' }, samples: samples.slice(2) },
          ],
        },
      })),
    ]),
  )
}

describe.each(dashboardNames.map(readDashboard))('$uid drawn', (dashboard) => {
  const marks = [{ name: 'start', colour: 'blue', at: span.from + 100 }]

  it('shows every row and panel with figures in it', () => {
    const page = dashboardPage({ dashboard, answers: answersOf(dashboard, { route: '/tasks' }), span, marks })
    for (const { title } of dashboard.panels) expect(page).toContain(`>${title}</h`)
    expect(page.match(/class="panel"/g)).toHaveLength(panelsOf(dashboard).length)
    expect(page).not.toMatch(/NaN|undefined|Infinity/)
  })

  it('says of a panel without data what Grafana would say', () => {
    const page = dashboardPage({ dashboard, answers: new Map(), span, marks: [] })
    expect(page).toContain('No data')
    expect(page).not.toMatch(/NaN|undefined|Infinity/)
  })

  it('takes nothing that a label says for markup', () => {
    const labels = Object.fromEntries(
      [
        'route',
        'method',
        'status',
        'query',
        'datname',
        'groupname',
        'probe',
        'step',
        'suite',
        'run',
        'policy',
        'limit',
        'relname',
      ].map((name) => [name, hostile]),
    )
    expect(dashboardPage({ dashboard, answers: answersOf(dashboard, labels), span, marks })).not.toContain(
      '<img',
    )
  })

  it('needs nothing from elsewhere', () => {
    expect(dashboardPage({ dashboard, answers: new Map(), span, marks: [] })).not.toMatch(
      /<script|<link|url\(|src=/,
    )
  })
})

describe('a figure', () => {
  it.each([
    ['s', 0.0123, '12.3 ms'],
    ['s', 90, '1.5 min'],
    ['s', 0, '0 s'],
    ['percentunit', 0.0213, '2.13 %'],
    ['decbytes', 512e6, '512 MB'],
    ['Bps', 1500, '1.5 kB/s'],
    ['reqps', 12.34, '12.3 req/s'],
    ['short', 12_345, '12.3 K'],
    ['short', 0, '0'],
    ['dateTimeFromNow', 940_000, '1 min ago'],
    ['none', Number.NaN, '–'],
  ])('in %s, %d, reads %s', (unit, value, text) => {
    expect(format(unit, value, 1_000_000)).toBe(text)
  })
})

describe('a picture', () => {
  it('keeps its pixels where it has few colours, whatever filter each row had', () => {
    const [width, colours] = [
      5,
      [
        [0, 0, 0],
        [255, 255, 255],
        [42, 93, 176],
      ],
    ]
    const pixels = Array.from({ length: 5 * width }, (_, index) => colours[(index * 7) % 3] ?? [])
    const png = pngOf(width, 5, pixels)
    expect(decodePng(png).data).toEqual(Buffer.from(pixels.flat()))
    const indexed = indexedPng(png)
    expect(indexed.subarray(1, 4).toString()).toBe('PNG')
    expect(indexed[25]).toBe(3)
  })

  it('that is none is refused', () => {
    const png = pngOf(1, 1, [[1, 2, 3]])
    png[25] = 0
    expect(() => indexedPng(png)).toThrow('PNG: found depth 8, colour type 0')
  })
})

/** A PNG whose rows use the five filters in turn. */
function pngOf(width: number, height: number, pixels: readonly (readonly number[])[]): Buffer {
  const flat = pixels.flat()
  const at = (x: number, y: number): number => (x < 0 || y < 0 ? 0 : (flat[y * width * 3 + x] ?? 0))
  const paeth = (a: number, b: number, c: number): number =>
    [a, b, c].toSorted((p, q) => Math.abs(a + b - c - p) - Math.abs(a + b - c - q))[0] ?? 0
  const rows = Array.from({ length: height }, (_, y) => {
    const filter = y % 5
    const bytes = Array.from({ length: width * 3 }, (__, x) => {
      const [left, above, corner] = [at(x - 3, y), at(x, y - 1), x < 3 ? 0 : at(x - 3, y - 1)]
      return (
        (at(x, y) - ([0, left, above, (left + above) >> 1, paeth(left, above, corner)][filter] ?? 0)) & 255
      )
    })
    return [filter, ...bytes]
  })
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 2, 0, 0, 0], 8)
  const chunk = (type: string, body: Buffer): Buffer => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(body.length)
    return Buffer.concat([length, Buffer.from(type), body, Buffer.alloc(4)])
  }
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.from(rows.flat()))),
    chunk('IEND', Buffer.alloc(0)),
  ])
}
