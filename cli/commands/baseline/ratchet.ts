import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { lowerCounts } from '../../../baselines/exact/index.ts'
import type { ExactTallies, LoweredCount, LowestCounts } from '../../../baselines/exact/index.ts'
import { describeFirstIssue, jsonOf } from '../../../record/documents/index.ts'
import { cleanText } from '../../../reports/wording/index.ts'
import { exitCodes } from '../../exit-codes.ts'
import { readIfPresent, printJson, UsageError } from '../../shared/world.ts'
import type { Session } from '../../shared/session.ts'
import { duetFiles } from '../../shared/duet/files.ts'
import { readCounts, storedFolder, writeCounts } from '../../shared/baselines.ts'
import { configSuiteName } from '../../shared/known-noise.ts'

/** The counts of duets that passed become the limit for later ones, wherever they are lower than before. */
export async function ratchet(session: Session, names: readonly string[], json: boolean): Promise<number> {
  if (names.length === 0)
    throw new UsageError(
      'ratchet: found no duet, expected ids or folders of duets that passed: vigil baseline ratchet <duet…>',
    )
  const folder = storedFolder(session.loaded.file)
  const read = await readCounts(folder)
  if (read.state === 'invalid') throw new UsageError(cleanText(read.problem, 600))
  const duets = await Promise.all(names.map(async (name) => passedDuet(session, name)))
  let counts: LowestCounts = read.counts
  const changes: (LoweredCount & { suite: string })[] = []
  for (const { suite, tallies } of duets) {
    const next = lowerCounts(counts, suite, tallies)
    changes.push(...next.changes.map((change) => ({ suite, ...change })))
    counts = next.counts
  }
  const file = changes.length === 0 ? undefined : await writeCounts(folder, counts)
  if (json)
    printJson(session.world, {
      schema: 'vigil.ratchet/1',
      file: file ?? null,
      lowered: changes.map(({ from, ...change }) => ({ ...change, from: from ?? null })),
    })
  else
    session.world.stdout(
      file === undefined
        ? 'no count was lower than the accepted ones\n'
        : `${changes.map(changeText).join('')}${file}: commit it; vigil ab --exact statements=ratchet ` +
            'enforces it\n',
    )
  return exitCodes.pass.code
}

function changeText({ suite, step, metric, from, to }: LoweredCount & { suite: string }): string {
  return (
    `${cleanText(suite, 80)} ${cleanText(step, 80)}: ${metric} ` +
    `${from === undefined ? `${to}, for the first time` : `${from} → ${to}`}\n`
  )
}

const count = z.number().nonnegative()
const tally = z
  .object({
    pairs: count,
    up: count,
    down: count,
    baseline: count,
    candidate: count,
    units: count,
    unitsUp: count,
    unitsDown: count,
  })
  .exactOptional()
const exactSchema = z.record(z.string(), z.object({ statements: tally, rows: tally, bytes: tally }))
const verdictSchema = z.object({ verdict: z.string(), suite: z.string() })

async function passedDuet(session: Session, name: string): Promise<{ suite: string; tallies: ExactTallies }> {
  const folder = await duetAt(session, name)
  const verdict = await documentIn(join(folder, 'verdict.json'), verdictSchema)
  if (verdict.verdict !== 'pass')
    throw new UsageError(`${folder}: ended as ${cleanText(verdict.verdict, 40)}, expected a duet that passed`)
  return {
    suite: configSuiteName(verdict.suite),
    tallies: await documentIn(join(folder, duetFiles.exact), exactSchema),
  }
}

/** A folder, or the id of a duet under `<out>/duets/`. */
async function duetAt({ world, out }: Session, name: string): Promise<string> {
  for (const path of [resolve(world.cwd, name), join(out, 'duets', name)])
    if ((await stat(path).catch(() => undefined))?.isDirectory()) return path
  throw new UsageError(
    `${cleanText(name, 200)}: no such duet, expected its folder, or its id under ${join(out, 'duets')}`,
  )
}

async function documentIn<T>(file: string, schema: z.ZodType<T>): Promise<T> {
  const json = jsonOf((await readIfPresent(file)) ?? '')
  if (json.state === 'invalid')
    throw new UsageError(`${file}: not JSON (${json.problem}), expected a file that vigil ab wrote`)
  const parsed = schema.safeParse(json.value)
  if (parsed.success) return parsed.data
  throw new UsageError(`${file}: ${describeFirstIssue(parsed.error)}, expected a file that vigil ab wrote`)
}
