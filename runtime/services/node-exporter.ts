import { join } from 'node:path'
import { launch } from './service.ts'
import type { Started, ToolOptions } from './service.ts'

export interface NodeExporterOptions extends ToolOptions {
  /** Further flags. */
  flags?: readonly string[]
}

export async function startNodeExporter(options: NodeExporterOptions): Promise<Started> {
  return launch({
    name: 'node exporter',
    options,
    // Debian's asks systemd and reads a folder of its own, and logs at each scrape that it cannot.
    command: (port) => [
      options.program,
      `--web.listen-address=127.0.0.1:${port}`,
      '--no-collector.systemd',
      '--collector.textfile.directory=',
      ...(options.flags ?? []),
    ],
    env: {},
    logFile: join(options.folder, 'node-exporter.log'),
    ready: '/',
  })
}
