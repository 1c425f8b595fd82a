import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FullConfig } from '@playwright/test'
import { loadConfig, readSecrets } from '../../config/index.ts'
import { createRedactor, redactTrace } from './redaction.ts'

/**
 * Playwright's global teardown: removes the secrets from the traces of a run. It is not a reporter, because
 * `--reporter` on the command line replaces all reporters. Reporters that copy traces do so after the
 * teardown.
 */
export default async function redactTraces(config: FullConfig): Promise<void> {
  const redact = createRedactor(process.env, await readConfigSecrets())
  for (const folder of new Set(config.projects.map(({ outputDir }) => outputDir))) {
    for (const name of findTraces(folder)) {
      const file = join(folder, name)
      try {
        writeFileSync(file, redactTrace(readFileSync(file), redact).archive)
      } catch {
        // A trace that cannot be read cannot be cleaned.
        rmSync(file, { force: true })
      }
    }
  }
}

/** Their names need not show that they are secrets. */
async function readConfigSecrets(): Promise<string[]> {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const config = await loadConfig(root, process.env['VIGIL_CONFIG'] ?? 'vigil.config.ts')
  const secrets = config.state === 'ok' ? readSecrets(config.loaded, process.env) : config
  return secrets.state === 'ok' ? Object.values(secrets.values) : []
}

function findTraces(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('trace.zip'),
    )
  } catch {
    // No test failed, so there is no folder.
    return []
  }
}
