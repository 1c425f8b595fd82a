import type { VerdictWord } from '../baselines/index.ts'
import type { GateMode } from '../config/index.ts'

/** The one table of exit codes; a test holds the documents to it. */
export const exitCodes = {
  pass: { code: 0, means: 'pass' },
  fail: {
    code: 1,
    means: 'fail: a budget or check broken, a regression, a probe down, a drill not delivered',
  },
  usageError: { code: 2, means: 'the command line, the config or an input file is wrong' },
  inconclusive: { code: 3, means: 'inconclusive: measured well, but not enough to decide' },
  invalid: {
    code: 4,
    means:
      'invalid: no trustworthy measurement (target unreachable, a tool missing or crashed, generator ' +
      'saturated, disk full)',
  },
  hungUp: { code: 129, means: 'ended by SIGHUP' },
  interrupted: { code: 130, means: 'interrupted by SIGINT' },
  terminated: { code: 143, means: 'ended by SIGTERM' },
} as const

export type Ending = keyof typeof exitCodes

/** In advisory mode a fail and an open verdict stop nothing; a measurement that failed still does. */
export function exitCodeOf(verdict: VerdictWord, mode: GateMode = 'enforce'): number {
  const isAdvice = mode === 'advisory' && verdict !== 'invalid'
  return exitCodes[isAdvice ? 'pass' : verdict].code
}
