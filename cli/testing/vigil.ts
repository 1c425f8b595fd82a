import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Config } from '../../config/index.ts'
import { runUnstarved } from './starved.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** What a run of the command line came to. */
export interface Ran {
  code: number | null
  stdout: string
  stderr: string
}

/** A folder with a config of its own, to run vigil in as its user would. */
export interface Workplace {
  folder: string
  write: (name: string, text: string) => string
  configure: (config: Omit<Config, 'journeys'> & { journeys?: string }) => void
  /** Starts vigil; `onStderr` sees what it says as it says it. */
  start: (args: readonly string[], options?: StartOptions) => { process: ChildProcess; ran: Promise<Ran> }
  /** The same through another program, such as `taskset -c 0`. */
  startWith: (
    program: string,
    before: readonly string[],
    args: readonly string[],
  ) => ReturnType<Workplace['start']>
  /** Runs vigil to its end; see `runUnstarved` for loads. */
  vigil: (args: readonly string[], options?: StartOptions) => Promise<Ran>
  remove: () => void
}

interface StartOptions {
  env?: NodeJS.ProcessEnv
  /** Ends it after this time. */
  timeoutMs?: number
  onStderr?: (text: string) => void
}

const homeJourney =
  `export default [{ name: 'home', steps: [{ name: 'get', request: () => ({ method: 'GET', path: '/' ` +
  '}) }] }]\n'

const home = { journeys: { home: 1 }, warmupSeconds: 0, durationSeconds: 1 }

/** Suites that play the home journey for one second; tests change what they are about. */
export const homeSuites = {
  rate: { engine: 'k6', load: { ratePerSecond: 50 }, ...home },
  capacity: { engine: 'autocannon', load: { connections: 2 }, ...home },
} satisfies Config['suites']

export function workplace(): Workplace {
  const folder = mkdtempSync(join(tmpdir(), 'vigil-cli-'))
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  write('journeys.mjs', homeJourney)
  const vigil = join(root, 'vigil')
  const start: Workplace['start'] = (args, options) => startIn(folder, vigil, args, options)
  return {
    folder,
    write,
    configure: (config) => {
      write(
        'vigil.config.mjs',
        `export default ${JSON.stringify({ journeys: './journeys.mjs', ...config })}\n`,
      )
    },
    start,
    startWith: (program, before, args) => startIn(folder, program, [...before, vigil, ...args]),
    vigil: async (args, options) => runUnstarved(folder, async () => start(withConfig(args), options).ran),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** Runs any program in a folder. A program that cannot be started rejects. */
export async function runIn(
  folder: string,
  program: string,
  args: readonly string[],
  options?: StartOptions,
): Promise<Ran> {
  return startIn(folder, program, args, options).ran
}

function startIn(
  folder: string,
  program: string,
  args: readonly string[],
  { env, timeoutMs, onStderr }: StartOptions = {},
): ReturnType<Workplace['start']> {
  const child = spawn(program, args, {
    cwd: folder,
    env: { ...process.env, CI: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(timeoutMs !== undefined && { timeout: timeoutMs }),
  })
  return { process: child, ran: collect(child, onStderr) }
}

const withoutConfig = new Set(['doctor', 'compare', 'history'])

function withConfig(args: readonly string[]): string[] {
  return args.includes('--config') || withoutConfig.has(args[0] ?? '') || args.includes('--help')
    ? [...args]
    : [...args.slice(0, 1), '--config', 'vigil.config.mjs', ...args.slice(1)]
}

async function collect(child: ChildProcess, onStderr: ((text: string) => void) | undefined): Promise<Ran> {
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    onStderr?.(text)
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, stdout, stderr }))
  })
}
