import type { ChildEnd } from '../../../runtime/processes/index.ts'

/**
 * What the way k6 ended says of its run.
 *
 * - `result`: it ran its course. 99 (a threshold was crossed) and 110 (the script called it failed) are results too.
 * - `script`: the script threw or stopped the run; whose fault that is, its messages say.
 * - `aborted`: a signal ended it in good order, with a summary. A result only when the signal was ours.
 * - `failed`: there is no measurement.
 */
export type Ending =
  | { state: 'result'; thresholdsCrossed: boolean }
  | { state: 'script'; words: string }
  | { state: 'aborted'; words: string }
  | { state: 'failed'; words: string; retry: boolean }

const codes: Record<number, string> = {
  97: 'the run in the cloud failed',
  98: 'its progress in the cloud could not be read',
  100: 'setup took too long',
  101: 'teardown took too long',
  102: 'something took too long',
  103: 'its REST API was told to stop it',
  104: 'it refused its options',
  105: 'a signal from elsewhere ended it',
  106: 'its REST API found its port taken',
  107: 'the script threw',
  108: 'the script stopped the run',
  109: 'it crashed',
}

/** From k6's table of exit codes, which is the same in 1.x and 2.x; an unknown code is no measurement. */
export function endingOf(end: ChildEnd): Ending {
  if (end.state === 'failed')
    return { state: 'failed', words: `k6 could not be started: ${end.reason}`, retry: false }
  if (end.state === 'signalled')
    return { state: 'failed', words: `k6 was ended by ${end.signal}`, retry: false }
  const { code } = end
  if (code === 0 || code === 99 || code === 110) return { state: 'result', thresholdsCrossed: code === 99 }
  const words = `k6 exited with ${code}${codes[code] === undefined ? '' : ` (${codes[code]})`}`
  if (code === 107 || code === 108) return { state: 'script', words }
  return code === 105 ? { state: 'aborted', words } : { state: 'failed', words, retry: code === 106 }
}
