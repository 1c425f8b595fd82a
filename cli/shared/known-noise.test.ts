import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { knownNoise } from '../testing/world.ts'
import { UsageError } from './world.ts'
import { noiseFile, noiseNote, readNoise, refuseNarrowMargin } from './known-noise.ts'

let out = ''
const warnings: string[] = []
const warn = (problem: string): void => void warnings.push(problem)
beforeAll(() => {
  out = mkdtempSync(join(tmpdir(), 'vigil-noise-'))
  writeFileSync(noiseFile(out), JSON.stringify(knownNoise()))
})
afterAll(() => rmSync(out, { recursive: true, force: true }))

it('a margin narrower than the noise of this machine is refused, with the explanation', async () => {
  const problem: unknown = await refuseNarrowMargin(out, ['browse'], 0.01, 'here', warn).catch(
    (error: unknown) => error,
  )
  expect(problem).toBeInstanceOf(UsageError)
  expect(String(problem)).toContain(
    '--margin: found 1 %, expected at least 2 %: as measured here by vigil doctor --noise, a duet of ' +
      'browse cannot see a smaller change',
  )
})

it('a wider margin, another suite and another machine are not', async () => {
  await expect(refuseNarrowMargin(out, ['browse'], 0.05, 'here', warn)).resolves.toBeUndefined()
  await expect(refuseNarrowMargin(out, ['other'], 0.01, 'here', warn)).resolves.toBeUndefined()
  await expect(refuseNarrowMargin(out, ['browse'], 0.01, 'elsewhere', warn)).resolves.toBeUndefined()
  await expect(refuseNarrowMargin(out, ['browse'], undefined, 'here', warn)).resolves.toBeUndefined()
})

it('is quoted for its suite and machine only; a damaged file is reported and not used', async () => {
  expect(await noiseNote(out, 'browse', 'here', warn)).toMatch(
    /^browse: noise of this machine .*of 300 duets of the same code 1 red and 20 undecided$/,
  )
  expect(await noiseNote(out, 'browse', 'elsewhere', warn)).toBeUndefined()
  expect(await readNoise(join(out, 'nowhere'), warn)).toBeUndefined()
  expect(warnings).toEqual([])
  writeFileSync(noiseFile(out), '{')
  expect(await noiseNote(out, 'browse', 'here', warn)).toBeUndefined()
  expect(warnings).toEqual([expect.stringContaining('noise.json: not JSON')])
})
