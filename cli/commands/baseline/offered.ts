import { join, resolve } from 'node:path'
import type { AcceptCandidate } from '../../../baselines/accepted/index.ts'
import { judgeRun } from '../../../baselines/index.ts'
import type { Verdict } from '../../../baselines/index.ts'
import type { Run } from '../../../record/index.ts'
import { jsonOf } from '../../../record/documents/index.ts'
import { listRuns, readRecord } from '../../../record/store.ts'
import type { Session } from '../../shared/session.ts'
import { readIfPresent, UsageError } from '../../shared/world.ts'

/**
 * A run by its id, folder or record, with the verdict next to it; a fail by the current budgets counts as
 * well.
 */
export async function offeredRun(session: Session, name: string): Promise<AcceptCandidate> {
  const { out, world } = session
  const path = (await listRuns(out)).includes(name) ? resolve(out, 'runs', name) : resolve(world.cwd, name)
  const stored = await readRecord(path)
  if (stored.state === 'refused') throw new UsageError(stored.problem)
  const verdict = verdictIn(
    (await readIfPresent(join(stored.folder, 'verdict.json')).catch(() => undefined)) ?? '',
  )
  return { run: stored.run, verdict: strictest(verdict, stored.run, session) }
}

function strictest(verdict: Verdict | undefined, run: Run, session: Session): Verdict | undefined {
  const { config } = session.loaded
  const today = judgeRun(run, config.suites[run.suite]?.budgets ?? config.budgets ?? {})
  return verdict?.verdict === 'pass' && today.verdict === 'fail' ? today : verdict
}

const words = new Set(['pass', 'fail', 'inconclusive', 'invalid'])

/** The fields of a verdict that acceptance reads; undefined if the text is not a verdict. */
export function verdictIn(text: string): Verdict | undefined {
  const json = jsonOf(text)
  if (json.state === 'refused' || !isVerdict(json.value)) return undefined
  return json.value
}

function isVerdict(value: unknown): value is Verdict {
  if (
    typeof value !== 'object' ||
    value === null ||
    !('schema' in value && 'verdict' in value && 'rows' in value)
  )
    return false
  return value.schema === 'vigil.verdict/1' && words.has(String(value.verdict)) && Array.isArray(value.rows)
}
