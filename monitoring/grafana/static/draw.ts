import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { View } from '../query/panel.ts'
import { dashboardNames, readDashboard } from '../query/read.ts'
import { answer } from './answered.ts'
import { dashboardPage } from './page.ts'

/** Draws every dashboard as it looks in `view` into `folder`; gives the files. */
export async function drawDashboards(view: View, folder: string): Promise<string[]> {
  mkdirSync(folder, { recursive: true })
  const files: string[] = []
  // One after the other: each asks for all of its panels at once.
  for (const name of dashboardNames) {
    const file = join(folder, `${name}.html`)
    writeFileSync(file, dashboardPage(await answer(readDashboard(name), view)))
    files.push(file)
  }
  return files
}
