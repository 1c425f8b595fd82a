import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { configFile } from '../engines/k6/k6-process.ts'
import type { DuetContexts, DuetPlan } from './inside/wire.ts'

/**
 * Writes what k6 is to run into a folder: an entry file that hands plan and journeys to our script, and what the users'
 * `before` steps saved. Both may hold secrets and are for the time of the load only.
 */
export async function writeScript(
  plan: DuetPlan,
  module: string,
  contexts: DuetContexts,
  folder: string,
): Promise<{ entry: string; remove: () => Promise<void> }> {
  const entry = join(folder, 'entry.js')
  const files: Record<string, string> = {
    [entry]: [
      `import { interpret } from ${JSON.stringify(new URL('inside/interpreter.ts', import.meta.url).href)}`,
      `import journeys from ${JSON.stringify(pathToFileURL(module).href)}`,
      `export const { options, setup, duet, handleSummary } = interpret(${JSON.stringify(plan)}, journeys)`,
      '',
    ].join('\n'),
    [join(folder, configFile)]: '{}',
    [plan.contextsFile]: JSON.stringify(contexts),
  }
  for (const [file, text] of Object.entries(files)) await writeFile(file, text, { mode: 0o600 })
  return {
    entry,
    remove: async () => {
      await Promise.all(Object.keys(files).map(async (file) => rm(file, { force: true })))
    },
  }
}
