import { join } from 'node:path'
import { launch } from './service.ts'
import type { Started, ToolOptions } from './service.ts'

export interface ProcessExporterOptions extends ToolOptions {
  /** Which processes it groups under which name. */
  configFile: string
}

export async function startProcessExporter(options: ProcessExporterOptions): Promise<Started> {
  return launch({
    name: 'process exporter',
    options,
    command: (port) => [
      options.program,
      `-web.listen-address=127.0.0.1:${port}`,
      `-config.path=${options.configFile}`,
      '-threads=false',
      '-gather-smaps=false',
    ],
    env: {},
    logFile: join(options.folder, 'process-exporter.log'),
    ready: '/',
  })
}
