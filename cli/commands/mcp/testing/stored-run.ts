import { join } from 'node:path'
import { judgeRun } from '../../../../baselines/index.ts'
import type { Verdict } from '../../../../baselines/index.ts'
import type { Run } from '../../../../record/index.ts'
import { countsOf, exampleRun, spread } from '../../../../record/testing/examples/runs.ts'
import { writeRun } from '../../../shared/artefacts.ts'

/** A run of suite `capacity` in which all requests were answered; some of the answers were errors. */
export function capacityRun(requests: number, failedAnswers: number, changes: Partial<Run> = {}): Run {
  const steps = { 'home/get': countsOf(spread(requests, 5, 15), { failedAnswers }) }
  return exampleRun(steps, { id: '20260102-030405-006-capacity-a1b2', suite: 'capacity', ...changes })
}

/** Judges a run and writes its files below the folder of results, as `vigil load` does. */
export async function storeRun(out: string, run: Run): Promise<Verdict> {
  const budgets = { p95Ms: 1000, errorRate: 0.01 }
  const verdict = judgeRun(run, budgets)
  const problems = await writeRun({ run, budgets, verdict, folder: join(out, 'runs', run.id) })
  if (problems.length > 0) throw new Error(problems.join('; '))
  return verdict
}
