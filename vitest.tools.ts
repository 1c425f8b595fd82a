import { requireTool } from './tools/testing.ts'

/**
 * Brings the tools of the live tests once, before any test: two workers that each find k6 missing would both build it, and
 * a test's time limit is no place for minutes of building. A tool that cannot be had ends the run: no test is skipped for it.
 */
export default async function bringTools(): Promise<void> {
  await requireTool('k6', say)
  await requireTool('pushgateway', say)
}

function say(text: string): void {
  process.stderr.write(`${text}\n`)
}
