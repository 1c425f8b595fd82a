import { describe, expect, it } from 'vitest'
import { createTimeline } from './timeline.ts'

const start = { requests: 100, failed: 0, dropped: 2 }
const sample = Array.from({ length: 20 }, (_, index) => index + 1)

describe('a timeline', () => {
  it('counts each second, without the warm-up', () => {
    const timeline = createTimeline(start)
    timeline.add(1000, { requests: 150, failed: 5, dropped: 2 }, sample)
    timeline.add(2001, { requests: 190, failed: 5, dropped: 12 }, [1, 2, 3])
    expect(timeline.points).toEqual([
      { atMs: 0, requests: 50, errors: 5, p50Ms: 10, p95Ms: 19 },
      { atMs: 1000, requests: 50, errors: 10, p50Ms: 2 },
    ])
    expect([timeline.errors(), timeline.firstDroppedMs()]).toEqual([15, 1000])
  })

  it('has percentiles that their samples can show: p99 from a hundred on, p95 from twenty', () => {
    const point = (samples: number): unknown =>
      createTimeline(start).add(
        1000,
        { requests: 200, failed: 0, dropped: 2 },
        Array.from({ length: samples }, (_, index) => index + 1),
      )
    expect(point(100)).toMatchObject({ p50Ms: 50, p95Ms: 95, p99Ms: 99 })
    expect(point(99)).not.toHaveProperty('p99Ms')
    expect(point(19)).not.toHaveProperty('p95Ms')
    expect(point(2)).not.toHaveProperty('p50Ms')
  })

  it('covers a second without counts by the next point, and leaves out a short remainder', () => {
    const timeline = createTimeline(start)
    timeline.add(1000, undefined, [])
    timeline.add(2000, { requests: 180, failed: 0, dropped: 2 }, [])
    timeline.add(2010, { requests: 181, failed: 0, dropped: 2 }, [])
    expect(timeline.points).toEqual([{ atMs: 0, requests: 80, errors: 0 }])
    expect(timeline.firstDroppedMs()).toBeUndefined()
  })
})
