import { findBrowser } from './runtime/browser/index.ts'
import { requireTool, toolNames } from './runtime/tools/index.ts'

/**
 * Brings the tools and the browser of the live tests once, before any test: two workers that each find k6
 * missing would both build it, and a test's time limit is no place for minutes of building. A tool that
 * cannot be had ends the run: no test is skipped for it.
 */
export default async function bringTools(): Promise<void> {
  for (const name of toolNames) await requireTool(name, say)
  const browser = await findBrowser(process.env)
  if (browser.state !== 'ok') throw new Error(browser.reason)
}

function say(text: string): void {
  process.stderr.write(`${text}\n`)
}
