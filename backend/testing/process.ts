import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { Client } from './client.ts'

const logLine = z.record(z.string(), z.unknown())

const main = fileURLToPath(new URL('../main.ts', import.meta.url))

/** The service in its own process, as in production. */
export class BackendProcess {
  readonly child: ChildProcess
  stdout = ''
  stderr = ''

  /** `env` is added to a minimal environment; logs are read from standard output. */
  constructor(env: Record<string, string>, cwd = process.cwd()) {
    this.child = spawn(process.execPath, [main], {
      cwd,
      env: {
        PATH: process.env['PATH'],
        PORT: '0',
        RATE_LIMIT_PER_MINUTE: '1000000',
        AUTH_RATE_LIMIT_PER_MINUTE: '1000000',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.child.stdout?.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()))
    this.child.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()))
  }

  /** Waits until the log has a line with `message`; rejects when the process ends first. */
  async logged(message: string): Promise<Record<string, unknown>> {
    for (;;) {
      const line = this.lines().find((one) => one['message'] === message)
      if (line !== undefined) return line
      if (this.child.exitCode !== null)
        throw new Error(`ended with ${this.child.exitCode} before it logged ${message}: ${this.stderr}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  lines(): Record<string, unknown>[] {
    const complete = this.stdout
      .slice(0, this.stdout.lastIndexOf('\n') + 1)
      .split('\n')
      .filter(Boolean)
    return complete.map((line) => logLine.parse(JSON.parse(line)))
  }

  async ready(): Promise<Client> {
    await this.logged('ready')
    return this.client()
  }

  async client(): Promise<Client> {
    return new Client(await this.base())
  }

  async base(): Promise<string> {
    const { port } = await this.logged('listening')
    return `http://127.0.0.1:${String(port)}`
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }

  async exit(): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit')
    return this.child.exitCode
  }

  /** Kills the process in any state. */
  async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    this.signal('SIGKILL')
    await this.exit()
  }
}

/** Waits until `condition` is true, at most `limitMs`. The error names what it waited for. */
export async function eventually(
  what: string,
  limitMs: number,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + limitMs
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${limitMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}
