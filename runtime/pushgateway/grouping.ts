import { seriesLabels } from '../../reports/prometheus/index.ts'
import type { Run } from '../../record/index.ts'

/** Values that Pushgateway reads from a path as they are. */
const tame = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/

/**
 * The grouping key of a run: suite and environment, nothing that changes from run to run, since a Pushgateway forgets
 * nothing and each new key would stay there for ever. A value that could be mistaken for a path (prom-client sends `/` as
 * %2F, which Pushgateway splits at) goes in its base64 form, which it decodes again.
 */
export function groupingOf(run: Run): Record<string, string> {
  const { suite, environment } = seriesLabels(run)
  return Object.fromEntries([keyed('suite', suite), keyed('environment', environment)])
}

function keyed(name: string, value: string): [string, string] {
  if (tame.test(value)) return [name, value]
  // An empty value is written as a lone equals sign; without it the path would have an empty part.
  return [`${name}@base64`, value === '' ? '=' : Buffer.from(value, 'utf8').toString('base64url')]
}
