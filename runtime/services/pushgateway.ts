import { join } from 'node:path'
import { launch } from './service.ts'
import type { Started, ToolOptions } from './service.ts'

/** Keeps what it was given in its folder: without, Debian's keeps it in /var/lib/prometheus. */
export async function startPushgateway(options: ToolOptions): Promise<Started> {
  return launch({
    name: 'Pushgateway',
    options,
    command: (port) => [
      options.program,
      `--web.listen-address=127.0.0.1:${port}`,
      `--persistence.file=${join(options.folder, 'pushed.data')}`,
      '--persistence.interval=10s',
    ],
    env: {},
    logFile: join(options.folder, 'pushgateway.log'),
    ready: '/-/ready',
  })
}
