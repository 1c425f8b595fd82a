import { describe, expect, it } from 'vitest'
import { timelineFrom } from './timeline.ts'

const start = { requests: 100, failed: 0, dropped: 2 }
const sample = Array.from({ length: 20 }, (_, index) => index + 1)

describe('a timeline', () => {
  it('has for each second what came in it, without the warm-up', () => {
    const timeline = timelineFrom(start)
    timeline.add(1000, { requests: 150, failed: 5, dropped: 2 }, sample)
    timeline.add(2001, { requests: 190, failed: 5, dropped: 12 }, [1, 2, 3])
    expect(timeline.points).toEqual([
      { atMs: 0, requests: 50, errors: 5, p95Ms: 19 },
      { atMs: 1000, requests: 50, errors: 10 },
    ])
    expect([timeline.errors(), timeline.firstDroppedMs()]).toEqual([15, 1000])
  })

  it('covers with the next point what k6 did not tell, and ends without a sliver', () => {
    const timeline = timelineFrom(start)
    timeline.add(1000, undefined, [])
    timeline.add(2000, { requests: 180, failed: 0, dropped: 2 }, [])
    timeline.add(2010, { requests: 181, failed: 0, dropped: 2 }, [])
    expect(timeline.points).toEqual([{ atMs: 0, requests: 80, errors: 0 }])
    expect(timeline.firstDroppedMs()).toBeUndefined()
  })
})
