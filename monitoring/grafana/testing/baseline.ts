import { queryInstant } from '../query/prometheus.ts'

/**
 * Stands for what a gate with a stored baseline pushes: for each p95 of the newest run the baseline's, in the
 * run's own
 * group and under its labels, a tenth faster.
 */
export async function pushBaseline(prometheus: string, pushgateway: string): Promise<void> {
  const result = await queryInstant(
    prometheus,
    'vigil_run_latency_seconds{quantile="0.95"}',
    Date.now() / 1000,
  )
  if (result.state === 'invalid') throw new Error(result.reason)
  const groups = Map.groupBy(
    result.series,
    ({ labels: { job, suite, environment } }) =>
      `job/${job ?? ''}/suite/${suite ?? ''}/environment/${environment ?? ''}`,
  )
  for (const [group, series] of groups) {
    const lines = series.map(({ labels: { engine = '', step }, samples }) => {
      const labels = step === undefined ? `engine="${engine}"` : `engine="${engine}",step="${step}"`
      return `vigil_run_baseline_latency_p95_seconds{${labels}} ${(samples[0]?.value ?? 0) * 0.9}`
    })
    const response = await fetch(`${pushgateway}/metrics/${group}`, {
      method: 'POST',
      body: `# TYPE vigil_run_baseline_latency_p95_seconds gauge\n${lines.join('\n')}\n`,
    })
    if (!response.ok)
      throw new Error(`pushing a baseline answered ${response.status}: ${await response.text()}`)
  }
}
