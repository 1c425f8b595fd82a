import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { leftoversAfter } from '../../testing/leftovers.ts'
import { workplace } from '../../testing/vigil.ts'
import type { Workplace } from '../../testing/vigil.ts'

let work: Workplace

beforeAll(() => {
  work = workplace()
  work.configure({ target: { url: 'http://127.0.0.1:9' }, suites: {} })
})
afterAll(() => work.remove())

describe('vigil drill', () => {
  it.each([
    [
      'an alert of no such name, with the nearest',
      ['APIHighErorRate'],
      'no alert of that name (did you mean APIHighErrorRate?)',
    ],
    ['half a deployment', ['--prometheus', 'http://127.0.0.1:9'], '--alertmanager is missing'],
    [
      'names with a deployment',
      ['C1', '--prometheus', 'http://127.0.0.1:9', '--alertmanager', 'http://127.0.0.1:9'],
      'expected no names with --prometheus',
    ],
    [
      'an acknowledgement of what is silenced',
      ['--prometheus', 'http://127.0.0.1:9', '--alertmanager', 'http://127.0.0.1:9', '--ack-port', '9465'],
      'need --loud',
    ],
    ['an address that is none', ['--prometheus', 'prometheus:9090'], 'expected an http:// or https:// URL'],
    ['a config that does not say how the service is started', ['C1'], 'target.command: missing'],
  ])('refuses %s', async (_, args, words) => {
    const ran = await work.vigil(['drill', ...args])
    expect(ran).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(words) })
  })

  it('knows nothing about delivery where Prometheus is not reached', async () => {
    const ran = await work.vigil([
      'drill',
      '--prometheus',
      'http://127.0.0.1:9',
      '--alertmanager',
      'http://127.0.0.1:9',
      '--wait',
      '1',
    ])
    expect(ran).toMatchObject({
      code: 4,
      stdout: expect.stringContaining('LOST at prometheus: Prometheus at http://127.0.0.1:9'),
    })
  })

  it('ends everything it started when it is interrupted', async () => {
    const config = join(fileURLToPath(new URL('../../..', import.meta.url)), 'vigil.config.ts')
    const { process: child, ran } = work.start(['drill', 'H5', '--config', config, '--out', work.folder], {
      onStderr: (text) => {
        if (text.includes('starting the stage')) child.kill('SIGTERM')
      },
    })
    expect(await ran).toMatchObject({ code: 143 })
    expect(await leftoversAfter(work.folder, 10_000)).toEqual([])
  })
})
