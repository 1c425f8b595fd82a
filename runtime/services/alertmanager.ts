import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { runnableAlertmanager } from './alertmanager-debian.ts'
import { launch } from './service.ts'
import type { Started, ToolOptions } from './service.ts'

export interface AlertmanagerOptions extends ToolOptions {
  configFile: string
  /** What notifications link to; absent: its own address. */
  externalUrl?: string
  /** Its whole environment: SNS takes its credentials from there. */
  env?: NodeJS.ProcessEnv
  /** Further flags. */
  flags?: readonly string[]
}

export async function startAlertmanager(options: AlertmanagerOptions): Promise<Started> {
  const data = join(options.folder, 'data')
  mkdirSync(data, { recursive: true })
  const program = await runnableAlertmanager(options.program, options.folder)
  return launch({
    name: 'Alertmanager',
    options,
    command: (port) => [
      program,
      `--config.file=${options.configFile}`,
      `--storage.path=${data}`,
      `--web.listen-address=127.0.0.1:${port}`,
      // Alone: no other is looked for, and no second port is opened to the world.
      '--cluster.listen-address=',
      `--web.external-url=${options.externalUrl ?? `http://127.0.0.1:${port}`}`,
      ...(options.flags ?? []),
    ],
    env: options.env ?? {},
    cwd: options.folder,
    logFile: join(options.folder, 'alertmanager.log'),
    ready: '/-/ready',
  })
}
