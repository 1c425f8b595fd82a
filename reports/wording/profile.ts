import { amount } from '../../baselines/index.ts'
import type { FunctionChange, ProfileComparison } from '../../baselines/profiles/index.ts'
import { cleanText, notMeasured } from './format.ts'

/** A function whose CPU time changed, ready to be shown. */
export interface FunctionText {
  name: string
  /** File and line: of the candidate if it has the function. */
  place: string
  baseline: string
  candidate: string
  /** Of its own CPU time a request, with a sign. */
  change: string
  isMore: boolean
  /** With what it called, with a sign. */
  total: string
  /** '' for a function of the repository, and where no such function called it. */
  calledBy: string
}

export function toFunctionText({
  name,
  file,
  line,
  selfMs,
  totalMs,
  calledBy,
}: FunctionChange): FunctionText {
  const change = selfMs.candidate - selfMs.baseline
  return {
    name: cleanText(name, 120),
    place: formatCodePlace(file, line.candidate ?? line.baseline),
    baseline:
      line.baseline === undefined && selfMs.baseline === 0 ? notMeasured : amount('ms', selfMs.baseline),
    candidate:
      line.candidate === undefined && selfMs.candidate === 0 ? notMeasured : amount('ms', selfMs.candidate),
    change: formatSigned(change),
    isMore: change > 0,
    total: formatSigned(totalMs.candidate - totalMs.baseline),
    calledBy:
      calledBy === undefined
        ? ''
        : `${cleanText(calledBy.name, 80)} ${formatCodePlace(calledBy.file, calledBy.line)}`,
  }
}

/** `src/store.ts:42`. */
export function formatCodePlace(file: string, line: number | undefined): string {
  return file === '' ? 'the runtime' : `${cleanText(file, 200)}${line ? `:${line}` : ''}`
}

/** More or less CPU time. */
export function formatSigned(ms: number): string {
  return `${ms < 0 ? '−' : '+'}${amount('ms', Math.abs(ms))}`
}

/** What was profiled, and how much CPU time a request took there. */
export function summarizeProfile({ seconds, baseline, candidate, source }: ProfileComparison): string {
  const profiler = source === 'inspector' ? "V8's profiler, JavaScript thread" : 'target.profile'
  return (
    `CPU time a request ${amount('ms', baseline.cpuMsPerRequest)} → ` +
    `${amount('ms', candidate.cpuMsPerRequest)} (${profiler}, ${seconds} s of the same load on both sides, ` +
    'after the verdict and without effect on it)'
  )
}

/** The largest increase in one line, for places that have no table. */
export function describeLargestIncrease({ changes }: Pick<ProfileComparison, 'changes'>): string | undefined {
  const first = changes.map(toFunctionText).find(({ isMore }) => isMore)
  if (first === undefined) return undefined
  const caller = first.calledBy === '' ? '' : `, called by ${first.calledBy}`
  return `most CPU time was added in ${first.name} (${first.place})${caller}: ${first.change} a request`
}
