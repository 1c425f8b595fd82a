import { startService } from './contenders.ts'
import { median, spreadOf } from './section.ts'
import type { Section } from './section.ts'

export const startup: Section = {
  name: 'startup',
  about: 'from the start of the process until it is ready, on a database that is there',
  run: async (bench) => {
    const times: number[] = []
    // The first start makes the tables and fills the cache of compiled code.
    for (let round = 0; round <= bench.rounds; round += 1) {
      const service = await startService(bench, 'service')
      await service.end()
      if (round > 0) times.push(service.startMs)
    }
    const value = median(times)
    return [
      {
        what: 'start to ready',
        value: spreadOf(times, (ms) => `${ms.toFixed(0)} ms`),
        goal: 'at most 1500 ms',
        met: value <= 1500,
      },
    ]
  },
}
