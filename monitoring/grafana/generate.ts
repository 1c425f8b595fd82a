import { writeFileSync } from 'node:fs'
import { dashboards, toFileText } from './dashboards.ts'

// Run by `npm run generate`. A test fails when a committed file differs from this output.
for (const [name, dashboard] of Object.entries(dashboards()))
  writeFileSync(new URL(`dashboards/${name}`, import.meta.url), toFileText(dashboard))
