import { describe, expect, it } from 'vitest'
import { createProgress } from './progress.ts'
import type { World } from './world.ts'

const erase = '\r\u001B[2K'

function createTerminal(changes: Partial<World> = {}): { world: World; screen: () => string } {
  let screen = ''
  const write = (text: string): void => void (screen += text)
  const world: World = {
    cwd: '/',
    env: {},
    pid: 1,
    stdout: write,
    stderr: write,
    terminal: { stdoutIsTerminal: true, stderrIsTerminal: true, width: 80, color: false },
    now: () => 0,
    random: () => 0.5,
    interrupted: new AbortController().signal,
    ...changes,
  }
  return { world, screen: () => screen }
}

describe('the live line', () => {
  it.each(['stdout', 'stderr'] as const)('is cleared before anything is printed on %s', (stream) => {
    const { world, screen } = createTerminal()
    const progress = createProgress(world, false)
    progress.draw('26 of 26 pairs')
    progress.streams[stream]('INCONCLUSIVE\n')
    progress.streams[stream]('next\n')
    expect(screen()).toBe(`${erase}26 of 26 pairs${erase}INCONCLUSIVE\nnext\n`)
  })

  it('shows what is waited for and how far it is; elsewhere each is one line', () => {
    const figures = {
      phase: 'prepare',
      secondsLeft: 0,
      requestsPerSecond: 0,
      p95Ms: undefined,
      errors: 0,
    } as const
    const waiting = { what: 'waiting for 4 runners', detail: '1 run' }
    const { world, screen } = createTerminal()
    createProgress(world, false).load({ ...figures, waiting })
    expect(screen()).toBe(`${erase}  waiting for 4 runners  1 run`)
    const file = createTerminal({ terminal: { ...world.terminal, stderrIsTerminal: false } })
    const progress = createProgress(file.world, false)
    for (const detail of ['1 run', '2 run']) progress.load({ ...figures, waiting: { ...waiting, detail } })
    progress.load({ ...figures, phase: 'measure', secondsLeft: 3 })
    expect(file.screen()).toBe('  waiting for 4 runners\n  measuring, 3 s\n')
  })

  it.each([
    ['--quiet', {}, true],
    ['a dumb terminal', { env: { TERM: 'dumb' } }, false],
    [
      'a stderr that is no terminal',
      { terminal: { stdoutIsTerminal: true, stderrIsTerminal: false, width: 80, color: false } },
      false,
    ],
  ])('is not drawn with %s', (_what, changes, quiet) => {
    const { world, screen } = createTerminal(changes)
    createProgress(world, quiet).draw('1 of 26 pairs')
    expect(screen()).toBe('')
  })
})
