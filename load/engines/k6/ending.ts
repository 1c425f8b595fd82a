import type { ChildEnd } from '../../../runtime/processes/index.ts'

/**
 * What the way k6 ended means for its run.
 *
 * - `ok`: it ran to its end. 99 (a threshold was crossed) and 110 (the script marked the run as failed with
 *   `exec.test.fail`) are results too, and the script's own reasons to fail it.
 * - `script-error`: the script threw or stopped the run; its messages say whose error that is.
 * - `interrupted`: a signal ended it, and it wrote a summary. A result only when vigil sent the signal.
 * - `failed`: there is no measurement.
 */
export type Ending =
  | { state: 'ok'; thresholdsCrossed: boolean; markedFailed?: true }
  | { state: 'script-error'; reason: string }
  | { state: 'interrupted'; reason: string }
  | { state: 'failed'; reason: string; portTaken: boolean; optionsInvalid?: true }

const exitReasons: Record<number, string> = {
  97: 'the run in the cloud failed',
  98: 'the progress in the cloud could not be read',
  100: 'setup timed out',
  101: 'teardown timed out',
  102: 'a time limit expired',
  103: 'its REST API was used to stop it',
  104: 'its options are invalid',
  105: 'a signal that vigil did not send ended it',
  106: 'the port for its REST API was taken',
  107: 'the script threw',
  108: 'the script stopped the run',
  109: 'it crashed',
}

/**
 * By k6's table of exit codes, which is the same in 1.x and 2.x; an unknown code means that nothing was
 * measured.
 */
export function classifyEnd(end: ChildEnd): Ending {
  if (end.state === 'failed')
    return { state: 'failed', reason: `k6 could not be started: ${end.reason}`, portTaken: false }
  if (end.state === 'signalled')
    return { state: 'failed', reason: `k6 was ended by ${end.signal}`, portTaken: false }
  const { code } = end
  if (code === 110) return { state: 'ok', thresholdsCrossed: false, markedFailed: true }
  if (code === 0 || code === 99) return { state: 'ok', thresholdsCrossed: code === 99 }
  const reason = `k6 exited with ${code}${exitReasons[code] === undefined ? '' : ` (${exitReasons[code]})`}`
  if (code === 107 || code === 108) return { state: 'script-error', reason }
  if (code === 105) return { state: 'interrupted', reason }
  return { state: 'failed', reason, portTaken: code === 106, ...(code === 104 && { optionsInvalid: true }) }
}
