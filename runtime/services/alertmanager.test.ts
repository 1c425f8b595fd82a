import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runnableAlertmanager } from './monitoring.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'

const folder = temporaryFolder('alertmanager')

describe("Debian's Alertmanager where its package is not installed", () => {
  const installed = '/usr/share/prometheus/alertmanager'

  it.skipIf(existsSync(`${installed}/default.tmpl`))(
    'starts from a copy that reads its templates from its own folder',
    async () => {
      const program = join(folder, 'alertmanager')
      writeFileSync(program, `one${installed}/default.tmpl two${installed} three`)
      const copy = await runnableAlertmanager(program, folder)
      const text = readFileSync(copy, 'latin1')
      const [, relative = ''] = /one(\S+)\/default\.tmpl/.exec(text) ?? []
      expect(relative).toHaveLength(installed.length)
      expect(text).toBe(`one${relative}/default.tmpl two${relative} three`)
      expect(readFileSync(join(folder, relative, 'default.tmpl'), 'utf8')).toContain('define "__subject"')
      expect(statSync(copy).mode & 0o777).toBe(0o700)
      expect(readFileSync(program, 'utf8')).toContain(installed)
    },
  )

  it('starts as it is when it does not read that folder', async () => {
    const program = join(folder, 'upstream')
    writeFileSync(program, 'embedded')
    expect(await runnableAlertmanager(program, folder)).toBe(program)
  })
})
