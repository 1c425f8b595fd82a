import type { ComparableRun } from '../../record/index.ts'
import { checkComparableRun, jsonOf } from '../../record/documents/index.ts'
import type { ReadResult } from '../../record/documents/index.ts'

export type CheckedRuns = { state: 'ok'; runs: ComparableRun[] } | { state: 'invalid'; problem: string }

/** Checks an array of records. */
export function checkRuns(value: unknown, where: string): CheckedRuns {
  if (!Array.isArray(value))
    return {
      state: 'invalid',
      problem:
        `${where}: found ${value === null ? 'null' : typeof value}, expected an array of vigil.run/1 ` +
        'records',
    }
  const runs: ComparableRun[] = []
  for (const [index, entry] of value.entries()) {
    const checked = checkComparableRun(entry, `${where}[${index}]`)
    if (checked.state === 'invalid') return checked
    runs.push(checked.run)
  }
  return { state: 'ok', runs }
}

/**
 * Reads a text that holds one record, an array of them, or one a line. `where` names the file in the problem.
 */
export function parseRuns(text: string, where: string): CheckedRuns {
  const document = jsonOf(text)
  if (document.state === 'ok')
    return Array.isArray(document.value)
      ? checkRuns(document.value, where)
      : toCheckedRuns(checkComparableRun(document.value, where))
  const lines = text
    .split('\n')
    .map((line, index) => ({ line, number: index + 1 }))
    .filter(({ line }) => line.trim() !== '')
  // One damaged record is not many lines of them: its first line must be JSON before the text is read line by
  // line.
  if (lines.length < 2 || jsonOf(lines[0]?.line ?? '').state === 'invalid')
    return {
      state: 'invalid',
      problem:
        `${where}: not JSON (${document.problem}), expected a vigil.run/1 record, an array of them, or ` +
        'one a line',
    }
  const runs: ComparableRun[] = []
  for (const { line, number } of lines) {
    const value = jsonOf(line)
    if (value.state === 'invalid')
      return {
        state: 'invalid',
        problem: `${where}:${number}: not JSON (${value.problem}), expected a vigil.run/1 record`,
      }
    const checked = checkComparableRun(value.value, `${where}:${number}`)
    if (checked.state === 'invalid') return checked
    runs.push(checked.run)
  }
  return { state: 'ok', runs }
}

function toCheckedRuns(checked: ReadResult<ComparableRun>): CheckedRuns {
  return checked.state === 'ok' ? { state: 'ok', runs: [checked.run] } : checked
}
