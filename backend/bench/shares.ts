import type { Contender } from './contenders.ts'
import { loaded } from './load.ts'
import type { Shot } from './load.ts'
import type { Bench } from './section.ts'

/** By contender, its share of the first's in each round. Whoever is measured first changes from round to round. */
export async function shares(
  bench: Bench,
  what: string,
  contenders: readonly Contender[],
  shot: Shot,
): Promise<number[][]> {
  for (const { base } of contenders) await warm(bench, base, shot)
  const found: number[][] = contenders.map(() => [])
  for (let round = 0; round < bench.rounds; round += 1) {
    const rates = new Map<Contender, number>()
    for (const contender of round % 2 === 0 ? contenders : contenders.toReversed())
      rates.set(contender, (await loaded(bench, contender.base, [shot])).perSecond)
    const inOrder = contenders.map((contender) => rates.get(contender) ?? Number.NaN)
    for (const [index, rate] of inOrder.entries()) found[index]?.push(rate / (inOrder[0] ?? Number.NaN))
    bench.say(
      `${what}: ${contenders.map((contender) => `${contender.name} ${rates.get(contender)?.toFixed(0)}/s`).join(', ')}`,
    )
  }
  return found
}

/** Warming up goes on while it makes this much of a difference, and as often at most. */
const stillFaster = 1.03
const mostTimes = 8

/** Until it gets no faster: V8 needs half a minute for a whole service, and a few seconds for the forty lines of raw.ts. */
async function warm(bench: Bench, base: string, shot: Shot): Promise<void> {
  let [best, rate] = [0, 0]
  for (let times = 0; times < mostTimes && rate >= best * stillFaster; times += 1) {
    best = Math.max(best, rate)
    rate = (await loaded(bench, base, [shot], 4)).perSecond
  }
}
