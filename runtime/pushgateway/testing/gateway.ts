import { startChild } from '../../processes/index.ts'
import { requireTool } from '../../tools/testing.ts'
import { readPrometheus } from '../../../reports/prometheus/testing/exposition.ts'
import type { Exposition } from '../../../reports/prometheus/testing/exposition.ts'

/** A real Pushgateway on a free loopback port, empty at first and forgotten at the end. */
export interface Gateway {
  url: string
  /** What a Prometheus would see. */
  scrape: () => Promise<Exposition>
  /** Another pusher's POST of its own text to a group; gives status and answer. */
  pushText: (path: string, text: string) => Promise<string>
  /** Forgets every group; what is pushed afterwards stands alone. */
  wipe: () => Promise<void>
  stop: () => Promise<void>
}

export async function startGateway(): Promise<Gateway> {
  const program = await requireTool('pushgateway')
  const listening = Promise.withResolvers<string>()
  // Debian's keeps what it was given in /var/lib/prometheus unless told not to: tests would find each other's leftovers.
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
