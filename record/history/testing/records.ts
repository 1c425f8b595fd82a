import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { countsOf, exampleRun, spread } from '../../testing/examples/runs.ts'

export const example = exampleRun({ 'a/b': countsOf(spread(40, 1, 9)) })

/** A folder of runs, to be written to as a command would. */
export interface Records {
  out: string
  keep: (id: string, more?: { suite?: string; startedAt?: string; verdict?: string; text?: string }) => void
  remove: () => void
}

export function records(): Records {
  const out = mkdtempSync(join(tmpdir(), 'vigil-index-'))
  return {
    out,
    // Not through writeRecord, which waits for the disk.
    keep: (id, more = {}) => {
      const folder = join(out, 'runs', id)
      mkdirSync(folder, { recursive: true })
      writeFileSync(
        join(folder, 'record.json'),
        more.text ??
          JSON.stringify({
            ...example,
            id,
            ...(more.suite && { suite: more.suite }),
            ...(more.startedAt && { startedAt: more.startedAt }),
          }),
      )
      if (more.verdict)
        writeFileSync(
          join(folder, 'verdict.json'),
          JSON.stringify({ schema: 'vigil.verdict/1', verdict: more.verdict, rows: [] }),
        )
    },
    remove: () => rmSync(out, { recursive: true, force: true }),
  }
}
