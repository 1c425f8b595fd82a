import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { injections } from './injections.ts'

const changes = injections.filter(({ from }) => from !== '')

it.each(changes)('$name changes one place of $file', ({ file, from }) => {
  const source = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')
  expect(source.split(from)).toHaveLength(2)
})
