import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { temporaryFolder } from '../../runtime/testing/temporary-folder.ts'
import { runUnstarved } from './starved.ts'

const folder = temporaryFolder('starved')
let runs = 0

/** A load whose record has these codes. Returns its number. */
async function load(codes: readonly string[]): Promise<number> {
  runs += 1
  const path = join(folder, '.vigil', 'runs', String(runs))
  mkdirSync(path, { recursive: true })
  writeFileSync(join(path, 'record.json'), JSON.stringify({ validity: { codes } }))
  return runs
}

const isKept = (run: number): boolean => existsSync(join(folder, '.vigil', 'runs', String(run)))

it('a load is run again while its generator was starved, up to five times', async () => {
  const other = await runUnstarved(folder, async () => load(['tool-missing']))
  expect([other, runs]).toEqual([1, 1])
  const second = await runUnstarved(folder, async () => load(runs === 1 ? ['generator-saturated'] : []))
  expect([second, isKept(1), isKept(2), isKept(3)]).toEqual([3, true, false, true])
  const starved = await runUnstarved(folder, async () => load(['generator-saturated']))
  expect([starved, isKept(7), isKept(8)]).toEqual([8, false, true])
})
