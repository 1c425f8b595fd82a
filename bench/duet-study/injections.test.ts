import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { calibration, createInjections } from './injections.ts'

const changes = [calibration, ...createInjections(13)].filter(({ from }) => from !== '')

it.each(changes)('$name changes one place of $file', ({ file, from }) => {
  const source = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')
  expect(source.split(from)).toHaveLength(2)
})

it('spins for as long as the calibration says', () => {
  const spins = createInjections(13).map(({ to }) => /\+ (\d+) \/ 1000/.exec(to)?.[1])
  expect(spins.filter((spin) => spin !== undefined)).toEqual(['65', '130', '260'])
})
