import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FullConfig } from '@playwright/test'
import { redactorFor } from '../browser/redact.ts'
import { keptTrace } from '../browser/trace.ts'

/**
 * Playwright's global teardown: takes the secrets out of the traces that a run has left. A teardown and no reporter, for
 * `--reporter` on the command line takes the place of all reporters; and those that copy traces do so after it.
 */
export default function redactTraces(config: FullConfig): void {
  const redact = redactorFor(process.env)
  for (const folder of new Set(config.projects.map(({ outputDir }) => outputDir))) {
    for (const name of zipsIn(folder)) {
      const file = join(folder, name)
      try {
        writeFileSync(file, keptTrace(readFileSync(file), redact).archive)
      } catch {
        // One that cannot be read cannot be cleaned.
        rmSync(file, { force: true })
      }
    }
  }
}

function zipsIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('trace.zip'),
    )
  } catch {
    // Nothing failed, so there is no folder.
    return []
  }
}
