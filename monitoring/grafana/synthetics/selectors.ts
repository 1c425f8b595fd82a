import type { States } from '../panels/index.ts'

export const ofProbe = 'probe=~"$probe"'
/** The load runs that the reader chose; their newest, since a Pushgateway keeps no other. */
export const ofRun = 'suite=~"$suite", environment=~"$environment"'

export const outcomes: States = {
  1: { name: 'up', colour: 'green' },
  2: { name: 'degraded', colour: 'yellow' },
  3: { name: 'unknown', colour: 'purple' },
  4: { name: 'down', colour: 'red' },
}

export const verdicts: States = {
  1: { name: 'pass', colour: 'green' },
  2: { name: 'inconclusive', colour: 'yellow' },
  3: { name: 'invalid', colour: 'purple' },
  4: { name: 'fail', colour: 'red' },
}
