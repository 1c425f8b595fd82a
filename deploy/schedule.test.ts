import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { describeCommands } from '../cli/index.ts'
import { parseCadence } from '../config/index.ts'

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '')
const read = (path: string): string => readFileSync(join(root, 'deploy', path), 'utf8')
const units = readdirSync(join(root, 'deploy/systemd'))

/** Where each file starts vigil. */
const lines = [
  ...units.flatMap((unit) =>
    [...read(`systemd/${unit}`).matchAll(/^ExecStart=(.+)$/gm)].map(
      ([, line = '']) => [`systemd/${unit}`, line] as const,
    ),
  ),
  ...[...read('cron/vigil-probe').matchAll(/^\*\/5 .*(\/opt\/vigil\/vigil .+?)(?: >.*)?$/gm)].map(
    ([, line = '']) => ['cron/vigil-probe', line] as const,
  ),
]

describe('what starts vigil', () => {
  it('is there in each way', () => {
    expect(lines.map(([file]) => file)).toEqual([
      'systemd/vigil-probe-once.service',
      'systemd/vigil-probe.service',
      'cron/vigil-probe',
    ])
  })

  it.each(lines)('%s names a command and options that exist', async (_, line) => {
    const program = await describeCommands()
    const [program_, name, ...args] = line.split(' ')
    expect(program_).toBe('/opt/vigil/vigil')
    const command = program.commands.find((each) => each.name() === name)
    const known = command?.options.map(({ long }) => long)
    for (const option of args.filter((arg) => arg.startsWith('--'))) expect(known).toContain(option)
    expect(args.includes('--every') || args.includes('--once')).toBe(true)
  })

  it('gives a run that must end its time, and does not restart on an invalid config', () => {
    const service = read('systemd/vigil-probe.service')
    expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(service)?.[1])).toBeGreaterThan(10)
    expect(service).toMatch(/^SuccessExitStatus=143$/m)
    expect(service).toMatch(/^RestartPreventExitStatus=2$/m)
  })

  it('cron and the timer say the same, and vigil reads it', () => {
    const fields = /^(\S+ \S+ \S+ \S+ \S+) vigil /m.exec(read('cron/vigil-probe'))?.[1] ?? ''
    const parsed = parseCadence(fields)
    expect(parsed.state === 'ok' && parsed.cadence.next(0)).toBe(300_000)
    expect(read('systemd/vigil-probe-once.timer')).toMatch(/^OnCalendar=\*:0\/5$/m)
  })
})

const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0

it.skipIf(!hasSystemd)('systemd finds nothing wrong with the units (needs systemd-analyze)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vigil-units-'))
  try {
    // It wants the program to be there: that of this checkout stands for the installed one.
    for (const unit of units)
      writeFileSync(join(folder, unit), read(`systemd/${unit}`).replaceAll('/opt/vigil', root))
    const said = execFileSync('systemd-analyze', ['verify', ...units.map((unit) => join(folder, unit))], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    expect(said).toBe('')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
