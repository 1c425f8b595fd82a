import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Run } from '../../index.ts'
import { countsOf, exampleRun, spread } from '../../testing/examples/runs.ts'

export const example = exampleRun({ 'a/b': countsOf(spread(40, 1, 9)) })

/** A folder of runs, to be written to as a command would. */
export interface Records {
  out: string
  keep: (
    id: string,
    more?: Partial<Pick<Run, 'suite' | 'startedAt' | 'target' | 'load'>> & {
      verdict?: string
      text?: string
    },
  ) => void
  remove: () => void
}

export function records(): Records {
  const out = mkdtempSync(join(tmpdir(), 'vigil-index-'))
  return {
    out,
    // Not through writeRecord, which waits for the disk.
    keep: (id, { verdict, text, ...changes } = {}) => {
      const folder = join(out, 'runs', id)
      mkdirSync(folder, { recursive: true })
      writeFileSync(join(folder, 'record.json'), text ?? JSON.stringify({ ...example, id, ...changes }))
      if (verdict)
        writeFileSync(
          join(folder, 'verdict.json'),
          JSON.stringify({ schema: 'vigil.verdict/1', verdict, rows: [] }),
        )
    },
    remove: () => rmSync(out, { recursive: true, force: true }),
  }
}
