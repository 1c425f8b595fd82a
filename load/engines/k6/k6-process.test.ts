import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { toAddress } from '../../../journeys/index.ts'
import { temporaryFolder } from '../../../runtime/testing/temporary-folder.ts'
import { findTool } from '../../../runtime/tools/index.ts'
import { classifyEnd } from './ending.ts'
import { findVersionProblem, startK6, toSettings } from './k6-process.ts'

const folder = temporaryFolder('k6-process')

describe("a version manager's k6", () => {
  const path = join(folder, 'k6')
  // Reads its version as the programs of asdf and mise do, and writes what it was started with.
  writeFileSync(
    path,
    '#!/bin/sh\nread -r name version < "$HOME/.tool-versions" || exit 1\n' +
      `echo "k6 v$version (commit/abc)"\necho "$PWD $*" > '${folder}/started'\n`,
  )
  chmodSync(path, 0o755)
  writeFileSync(join(folder, '.tool-versions'), 'k6 1.2.3\n')
  const signal = new AbortController().signal
  const lookFor = async (env: NodeJS.ProcessEnv): ReturnType<typeof findTool> =>
    findTool('k6', { env: { ...env, VIGIL_K6: path }, progress: () => undefined, signal })

  it.each([
    ['is found and runs with the home of its user', folder, 'ok', undefined],
    ['is neither found nor run without', '/nowhere', 'missing', 'expected the version of k6'],
  ])('%s', async (_, home, state, problem) => {
    const env = { PATH: '/usr/bin:/bin', HOME: home }
    expect(await lookFor(env)).toMatchObject({ state })
    const found = await findVersionProblem(path, env)
    expect(found).toEqual(problem === undefined ? undefined : expect.stringContaining(problem))
  })

  it.each(['journeys', 'script'] as const)('runs %s in the same environment', async (kind) => {
    const lines: string[] = []
    const env = { PATH: '/usr/bin:/bin', HOME: folder }
    const { child } = startK6(path, [], { folder, env, kind, onLine: (line) => lines.push(line) })
    expect(await child.ended).toEqual({ state: 'exited', code: 0 })
    expect(lines).toEqual(['k6 v1.2.3 (commit/abc)'])
  })
})

it.each([
  [[], undefined],
  [[{ address: toAddress('http://a.example'), ip: '::1' }], { 'a.example:80': '[::1]:80' }],
  [
    [
      { address: toAddress('https://a.example/x'), ip: '127.0.0.1' },
      { address: toAddress('http://b:81'), ip: '127.0.0.2' },
    ],
    { 'a.example:443': '127.0.0.1:443', 'b:81': '127.0.0.2:81' },
  ],
  // An address is no name, and k6 refuses names with an underscore.
  [[{ address: toAddress('http://[::1]:80'), ip: '::1' }], undefined],
  [[{ address: toAddress('http://my_host'), ip: '127.0.0.1' }], undefined],
])('k6 gets the chosen addresses and says who it is', (targets, hosts) => {
  const { userAgent, ...settings } = toSettings(targets)
  expect(userAgent).toMatch(/^vigil\/\d+\.\d+\.\d+ \(k6\)$/)
  expect(settings).toEqual(hosts === undefined ? {} : { hosts })
})

describe('the end of k6', () => {
  it.each([
    [0, 'ok'],
    [99, 'ok'],
    [110, 'ok'],
    [105, 'interrupted'],
    [107, 'script-error'],
    [108, 'script-error'],
    ...[1, 2, 97, 98, 100, 101, 102, 103, 104, 106, 109, 126, 127, 255].map(
      (code) => [code, 'failed'] as const,
    ),
  ] as const)('with exit code %i is a %s', (code, expected) => {
    expect(classifyEnd({ state: 'exited', code }).state).toBe(expected)
  })

  it('has whether thresholds were crossed', () => {
    expect(classifyEnd({ state: 'exited', code: 99 })).toEqual({ state: 'ok', thresholdsCrossed: true })
    expect(classifyEnd({ state: 'exited', code: 0 })).toEqual({ state: 'ok', thresholdsCrossed: false })
  })

  it('has whether the script marked its run as failed, apart from thresholds', () => {
    const marked = { state: 'ok', thresholdsCrossed: false, markedFailed: true }
    expect(classifyEnd({ state: 'exited', code: 110 })).toEqual(marked)
    const others = Array.from({ length: 256 }, (_, code) => code).filter((code) => code !== 110)
    for (const code of others)
      expect(classifyEnd({ state: 'exited', code })).not.toHaveProperty('markedFailed')
  })

  it('by a signal or without a start is a failure with a reason', () => {
    expect(classifyEnd({ state: 'signalled', signal: 'SIGKILL' })).toMatchObject({
      state: 'failed',
      reason: 'k6 was ended by SIGKILL',
    })
    expect(classifyEnd({ state: 'failed', reason: 'not found' })).toMatchObject({
      state: 'failed',
      reason: 'k6 could not be started: not found',
    })
    expect(classifyEnd({ state: 'exited', code: 109 })).toMatchObject({
      reason: 'k6 exited with 109 (it crashed)',
    })
  })

  it('is a taken port for exit code 106 only', () => {
    const portTaken = Array.from({ length: 256 }, (_, code) => code).filter((code) => {
      const ending = classifyEnd({ state: 'exited', code })
      return ending.state === 'failed' && ending.portTaken
    })
    expect(portTaken).toEqual([106])
  })
})
