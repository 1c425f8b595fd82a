import type { Section } from '../section.ts'
import { vigilLoad, withService } from '../workbench.ts'

export const memory: Section = {
  name: 'memory',
  about: "vigil's own memory during a short and a three times longer load",
  run: async (bench) =>
    withService(bench, async (url) => {
      const peak = async (durationSeconds: number): Promise<number> => {
        const { finished } = await vigilLoad(bench, url, {
          engine: 'k6',
          journeys: { fast: 1 },
          load: { ratePerSecond: 1000 },
          warmupSeconds: 1,
          durationSeconds,
        })
        return finished.maxRssBytes / 1e6
      }
      const [short, long] = [await peak(10), await peak(30)]
      return [
        { what: 'peak, 10 s', value: `${short.toFixed(0)} MB`, goal: '≤ 250 MB', met: short <= 250 },
        {
          what: 'peak, 30 s',
          value: `${long.toFixed(0)} MB`,
          goal: 'no more than 10 % over that of 10 s',
          met: long <= Math.max(short * 1.1, short + 10),
        },
      ]
    }),
}
