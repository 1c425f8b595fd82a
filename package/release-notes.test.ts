import { expect, it } from 'vitest'
import { readReleaseNotes } from './release-notes.ts'

const changelog = [
  '# Changes',
  '## Unreleased',
  'not yet',
  '## 1.2.0 (2026-12-01)',
  '### Added',
  '- a command',
  '## 1.2.0-rc.1',
  '',
  '## 1.1.0',
  '- older',
].join('\n')

it('are the section of the version', () => {
  expect(readReleaseNotes(changelog, '1.2.0', 'v1.2.0')).toEqual({
    state: 'ok',
    notes: '### Added\n- a command',
  })
  expect(readReleaseNotes(changelog, '1.1.0', 'v1.1.0')).toEqual({ state: 'ok', notes: '- older' })
})

it.each([
  ['1.2.0', 'v1.2.1', "package.json: version: found 1.2.0, expected the tag's v1.2.1"],
  ['1.2.0', '', "package.json: version: found 1.2.0, expected the tag's "],
  ['1.3.0', 'v1.3.0', "CHANGELOG.md: found no section '## 1.3.0'"],
  ['1.2.0-rc.1', 'v1.2.0-rc.1', 'CHANGELOG.md: ## 1.2.0-rc.1: found nothing'],
])('of %s are refused for the tag %j', (version, tag, problem) => {
  expect(readReleaseNotes(changelog, version, tag)).toMatchObject({
    state: 'invalid',
    problem: expect.stringContaining(problem),
  })
})
