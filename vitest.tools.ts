import { findBrowser } from './runtime/browser/index.ts'
import { findTool, requireTool, toolNames } from './runtime/tools/index.ts'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** The program, for the tests of the API, which imports nothing of vigil; empty where it is missing. */
    pgbouncer: string
  }
}

/**
 * Brings the tools and the browser of the live tests once, before any test: two workers that each find k6
 * missing would both build it, and a test's time limit is no place for minutes of building. A tool that
 * cannot be had ends the run: no test is skipped for it, but those of PgBouncer, which only releases of
 * Debian have, and neither vigil nor the API starts it.
 */
export default async function bringTools(project: TestProject): Promise<void> {
  for (const name of toolNames) if (name !== 'pgbouncer') await requireTool(name, say)
  const { signal } = new AbortController()
  const pgbouncer = await findTool('pgbouncer', { env: process.env, progress: say, signal })
  project.provide('pgbouncer', pgbouncer.state === 'ok' ? pgbouncer.path : '')
  if (pgbouncer.state === 'missing') say(`${pgbouncer.reason}: ${pgbouncer.whatToDo}`)
  const browser = await findBrowser(process.env)
  if (browser.state !== 'ok') throw new Error(browser.reason)
}

function say(text: string): void {
  process.stderr.write(`${text}\n`)
}
