import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { exitCodeOf, exitCodes } from './exit-codes.ts'

it('the README says the same as the table, code by code', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const rows = [...readme.matchAll(/^\| (\d+) \| (.+) \|$/gm)].map((match) => ({
    code: Number(match[1]),
    means: match[2],
  }))
  expect(rows).toEqual(Object.values(exitCodes).map(({ code, means }) => ({ code, means })))
})

it('each verdict has a code of its own', () => {
  expect((['pass', 'fail', 'inconclusive', 'invalid'] as const).map(exitCodeOf)).toEqual([0, 1, 3, 4])
})
