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
      { atMs: 0, requests: 50, errors: 5, p95Ms: 19 },
      { atMs: 1000, requests: 50, errors: 10 },
    ])
    expect([timeline.errors(), timeline.firstDroppedMs()]).toEqual([15, 1000])
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
