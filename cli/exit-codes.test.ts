import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { exitCodeOf, exitCodes } from './exit-codes.ts'

const words = ['pass', 'fail', 'inconclusive', 'invalid'] as const

it('the README says the same as the table, code by code', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const rows = [...readme.matchAll(/^\| (\d+) \| (.+) \|$/gm)].map((match) => ({
    code: Number(match[1]),
    means: match[2],
  }))
  expect(rows).toEqual(Object.values(exitCodes).map(({ code, means }) => ({ code, means })))
})

it('each verdict has a code of its own', () => {
  expect(words.map((word) => exitCodeOf(word))).toEqual([0, 1, 3, 4])
})

it('in advisory mode only what could not be measured ends with an error', () => {
  expect(words.map((word) => exitCodeOf(word, 'advisory'))).toEqual([0, 0, 0, 4])
})
