import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { catalogue } from '../../../runtime/tools/index.ts'
import { workplace } from '../../testing/vigil.ts'
import type { Workplace } from '../../testing/vigil.ts'

let place: Workplace
beforeAll(() => {
  place = workplace()
})
afterAll(() => place.remove())

it('vigil finds the same fetched tools whatever --out is', async () => {
  const folder = join(place.folder, 'cache', 'vigil', 'tools', `k6-${catalogue.k6.release.version}`)
  mkdirSync(folder, { recursive: true })
  chmodSync(
    place.write(join(folder.slice(place.folder.length), 'k6'), '#!/bin/sh\necho "k6 v9.9.9"\n'),
    0o755,
  )
  // On this PATH are the programs that ./vigil needs, and no k6.
  const programs = join(place.folder, 'bin')
  mkdirSync(programs)
  for (const name of ['dirname', 'readlink'])
    symlinkSync(execFileSync('which', [name], { encoding: 'utf8' }).trim(), join(programs, name))
  const env = {
    PATH: programs,
    VIGIL_K6: '',
    VIGIL_TOOLS_DIR: undefined,
    XDG_CACHE_HOME: join(place.folder, 'cache'),
  }
  const found = await Promise.all(
    ['one', 'other'].map(async (out) => place.vigil(['doctor', '--json', '--out', out], { env })),
  )
  const kept = { name: 'k6', state: 'ok', origin: 'kept', path: join(folder, 'k6') }
  for (const { code, stdout } of found) {
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      tools: expect.arrayContaining([expect.objectContaining(kept)]),
    })
  }
})
