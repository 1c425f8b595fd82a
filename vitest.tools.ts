import { findBrowser } from './runtime/browser/index.ts'
import { catalogue } from './runtime/tools/index.ts'
import type { ToolName } from './runtime/tools/index.ts'
import { requireTool } from './runtime/tools/testing.ts'

const needed = Object.keys(catalogue).filter((name): name is ToolName => name in catalogue)

/**
 * Brings the tools and the browser of the live tests once, before any test: two workers that each find k6 missing would
 * both build it, and a test's time limit is no place for minutes of building. A tool that cannot be had ends
 * the run: no test is skipped for it.
 */
export default async function bringTools(): Promise<void> {
  for (const name of needed) await requireTool(name, say)
  const browser = await findBrowser(process.env)
  if (browser.state !== 'ok') throw new Error(browser.reason)
}

function say(text: string): void {
  process.stderr.write(`${text}\n`)
}
