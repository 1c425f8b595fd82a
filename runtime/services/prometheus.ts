import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { launch } from './service.ts'
import type { Started, ToolOptions } from './service.ts'

export interface PrometheusOptions extends ToolOptions {
  configFile: string
  /** How long samples are kept, as Prometheus writes it; absent: as long as the rules look back, and more. */
  retention?: string
  /** Further flags, such as `--query.lookback-delta=10s`. */
  flags?: readonly string[]
}

/** Debian's Prometheus looks for its data, its pages and its configuration in places of its own unless it is told. */
export async function startPrometheus(options: PrometheusOptions): Promise<Started> {
  const data = join(options.folder, 'data')
  mkdirSync(data, { recursive: true })
  return launch({
    name: 'Prometheus',
    options,
    command: (port) => [
      options.program,
      `--config.file=${options.configFile}`,
      `--storage.tsdb.path=${data}`,
      `--storage.tsdb.retention.time=${options.retention ?? '30d'}`,
      `--web.listen-address=127.0.0.1:${port}`,
      // What the links in alerts begin with.
      `--web.external-url=http://127.0.0.1:${port}`,
      `--web.console.templates=${join(options.folder, 'consoles')}`,
      `--web.console.libraries=${join(options.folder, 'console_libraries')}`,
      // Exemplars lead from a panel to a trace.
      '--enable-feature=exemplar-storage',
      ...(options.flags ?? []),
    ],
    env: {},
    cwd: options.folder,
    logFile: join(options.folder, 'prometheus.log'),
    ready: '/-/ready',
  })
}
