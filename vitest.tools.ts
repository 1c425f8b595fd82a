import { findBrowser } from './runtime/browser/index.ts'
import { requireTool, toolNames } from './runtime/tools/index.ts'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** For the tests of the API, which imports nothing of vigil. */
    pgbouncer: string
  }
}

/**
 * Brings the tools and the browser of the live tests once, before any test: two workers that each find k6
 * missing would both build it, and a test's time limit is no place for minutes of building. A tool that
 * cannot be had ends the run: no test is skipped for it.
 */
export default async function bringTools(project: TestProject): Promise<void> {
  for (const name of toolNames) await requireTool(name, say)
  project.provide('pgbouncer', await requireTool('pgbouncer', say))
  const browser = await findBrowser(process.env)
  if (browser.state !== 'ok') throw new Error(browser.reason)
}

function say(text: string): void {
  process.stderr.write(`${text}\n`)
}
