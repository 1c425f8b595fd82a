import type { Delivery } from '../receivers/index.ts'
import type { ComponentName } from './components.ts'
import type { Production } from './configure.ts'

export interface StackPlan {
  /** Where data, logs and written configurations are. */
  folder: string
  production: Production
  /** Ports that were asked for. */
  ports: Readonly<Partial<Record<ComponentName, number>>>
  /** Whether the others get the ports of production when these are free, or any. */
  usualPorts: boolean
  target: { command: readonly string[]; cwd: string; env: NodeJS.ProcessEnv; ready: string }
  /** The scheduler of probes that serves its metrics on a port. */
  probes: (
    targetUrl: string,
    metricsPort: number,
  ) => { command: readonly string[]; cwd: string; env: NodeJS.ProcessEnv }
  tools: Readonly<
    Record<
      | 'prometheus'
      | 'promtool'
      | 'alertmanager'
      | 'pushgateway'
      | 'node_exporter'
      | 'postgres_exporter'
      | 'process-exporter',
      string
    >
  >
  /** Scrape and evaluate so often instead of as production does. */
  interval: string | undefined
  /** Wall clock. */
  now: () => number
  signal: AbortSignal
  tell: (event: StackEvent) => void
}

export type StackEvent =
  | { event: 'up'; component: Component }
  | { event: 'ended'; component: Component; how: string }
  | { event: 'notification'; received: Delivery }

export interface Component {
  name: ComponentName
  url: string
  port: number
  /** Undefined: it is part of this process. */
  pid: number | undefined
}
