import { startChild } from '../../processes/index.ts'
import { requireTool } from '../../tools/index.ts'
import { groupingLabelsFor, openMetricsReport, toPushedMetrics } from '../../../reports/prometheus/index.ts'
import type { RunReport } from '../../../reports/index.ts'
import { encodeFamilies } from '../../exposition/index.ts'
import { pushMetrics } from '../push.ts'
import type { PushRequest, PushResult } from '../push.ts'
import { readPrometheus } from '../../../reports/prometheus/testing/exposition.ts'
import type { Exposition } from '../../../reports/prometheus/testing/exposition.ts'

/** A real Pushgateway on a free loopback port, empty at first. */
export interface Gateway {
  url: string
  /** What a Prometheus would scrape. */
  scrape: () => Promise<Exposition>
  /** Another pusher's POST of its own text to a group; returns status and answer. */
  pushText: (path: string, text: string) => Promise<string>
  /** Deletes every group. */
  wipe: () => Promise<void>
  stop: () => Promise<void>
}

export async function startGateway(): Promise<Gateway> {
  const program = await requireTool('pushgateway')
  const listening = Promise.withResolvers<string>()
  // Debian's keeps pushed groups in /var/lib/prometheus by default, where other tests would find them.
  const child = startChild(
    program,
    ['--web.listen-address=127.0.0.1:0', '--persistence.file=', '--web.enable-admin-api', '--log.level=info'],
    {
      env: {},
      onLine: (line) => {
        const address = /[Ll]istening on.*address=(127\.0\.0\.1:\d+)/.exec(line)?.[1]
        if (address !== undefined) listening.resolve(`http://${address}`)
      },
    },
  )
  void child.ended.then((end) =>
    listening.reject(new Error(`the Pushgateway ended: ${JSON.stringify(end)} ${child.tail('stderr')}`)),
  )
  const url = await listening.promise
  return {
    url,
    scrape: async () => readPrometheus(await (await fetch(`${url}/metrics`)).text()),
    pushText: async (path, text) => {
      const response = await fetch(`${url}/metrics/${path}`, { method: 'POST', body: text })
      return `${response.status} ${await response.text()}`.trim()
    },
    wipe: async () => {
      const response = await fetch(`${url}/api/v1/admin/wipe`, { method: 'PUT' })
      if (response.status !== 202) throw new Error(`wiping answered ${response.status}`)
    },
    stop: async () => {
      await child.stop(2000)
    },
  }
}

/** Pushes a run's metrics as `vigil` does. */
export async function pushReport({
  run,
  budgets,
  verdict,
  baseline,
  native: isNative = false,
  ...request
}: RunReport & Omit<PushRequest, 'text' | 'grouping'> & { native?: boolean }): Promise<PushResult> {
  const report = { run, budgets, verdict, ...(baseline && { baseline }) }
  const { families, native } = toPushedMetrics(report)
  return pushMetrics({
    ...request,
    text: openMetricsReport({ runs: [report] }),
    protobuf: isNative ? encodeFamilies(families, native) : undefined,
    grouping: groupingLabelsFor(run),
  })
}
