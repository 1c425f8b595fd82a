import type { World } from '../shared/world.ts'

/** What a command said and how it ended. */
export interface Said {
  code: number
  stdout: string
  stderr: string
}

/** The documents of a JSONL text, one a line. */
export function jsonLines<T>(text: string): T[] {
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T)
}

const noise = { deviation: 0.02, betweenProcesses: 0, detectable: { '30': 0.04, '60': 0.03, '120': 0.02 } }

/** What `vigil doctor --noise` found on a machine whose fingerprint is `here`, for the suite `browse`. */
export const knownNoise = (metric: typeof noise = noise): object => ({
  schema: 'vigil.noise/1',
  environment: { fingerprint: 'here' },
  measuredAt: '2026-11-25T01:02:03.000Z',
  suites: {
    browse: {
      units: 48,
      processPairs: 2,
      unitSeconds: 2.5,
      metrics: { p50Ms: metric, p95Ms: metric },
      falseAlarms: { drawn: 300, fail: 1, inconclusive: 20 },
    },
  },
})

/** Runs a command in this process, in a world of its own that keeps what it says. */
export async function runInWorld(
  cwd: string,
  command: (world: World) => Promise<number>,
  changes: Partial<World> = {},
): Promise<Said> {
  const said = { stdout: '', stderr: '' }
  const code = await command({
    cwd,
    env: {},
    pid: 1,
    stdout: (text) => void (said.stdout += text),
    stderr: (text) => void (said.stderr += text),
    terminal: { stdoutIsTerminal: false, stderrIsTerminal: false, width: 100, color: false },
    now: () => 0,
    random: () => 0.5,
    interrupted: new AbortController().signal,
    ...changes,
  })
  return { code, ...said }
}
