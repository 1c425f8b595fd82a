import type { ReportInput } from '../../reports/index.ts'
import { printSummary } from './artefacts.ts'
import { exitCodeOf, exitCodes } from '../exit-codes.ts'
import { printJson } from './print-json.ts'
import type { Session } from './session.ts'

/** What a command came to, once its files are written. */
export interface Conclusion {
  input: ReportInput
  /** The one document that `--json` prints. */
  document: unknown
  /** What could not be written, one line each: such a run is not to be relied on, whatever its verdict. */
  problems: readonly string[]
}

/** Says how a command ended, to a person or to a program. Returns the exit code. */
export function conclude(
  { world, progress }: Session,
  json: boolean,
  { input, document, problems }: Conclusion,
): number {
  for (const problem of problems) progress.warn(problem)
  if (json) printJson(world, document)
  else printSummary(world, input)
  return problems.length > 0 ? exitCodes.invalid.code : exitCodeOf(input.verdict.verdict)
}
