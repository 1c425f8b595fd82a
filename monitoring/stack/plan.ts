import type { Delivery } from '../receivers/index.ts'
import type { ToolName } from '../../runtime/tools/index.ts'

/**
 * The parts of the stack. `usual`: the port that production uses, taken here when it is free. `production`:
 * the address in production's Prometheus configuration; PostgreSQL and the receiver are not scraped.
 */
export const components = {
  postgres: { usual: 5432, production: undefined, about: 'the database' },
  backend: { usual: 8000, production: 'backend:8000', about: 'the service under test' },
  'node-exporter': { usual: 9100, production: 'node-exporter:9100', about: 'this machine' },
  'postgres-exporter': { usual: 9187, production: 'postgres-exporter:9187', about: 'the database' },
  'process-exporter': { usual: 9256, production: 'process-exporter:9256', about: 'processes' },
  pushgateway: { usual: 9091, production: 'pushgateway:9091', about: 'what load runs push' },
  probes: { usual: 9464, production: 'vigil-probes:9464', about: 'vigil probe --every' },
  receiver: { usual: 9095, production: undefined, about: 'the page of all this; receives notifications' },
  alertmanager: { usual: 9093, production: 'alertmanager:9093', about: 'active alerts and silences' },
  prometheus: { usual: 9090, production: 'prometheus:9090', about: 'metrics, rules, targets' },
} as const satisfies Record<string, { usual: number; production: string | undefined; about: string }>

export type ComponentName = keyof typeof components

export function isComponent(name: string): name is ComponentName {
  return Object.hasOwn(components, name)
}

export const componentNames = Object.keys(components).filter(isComponent)

/** What users open first comes first, not what started first. */
export function sortParts<P extends { name: string }>(parts: readonly P[]): P[] {
  const places = new Map<string, number>(componentNames.map((name, place) => [name, place]))
  return parts.toSorted((a, b) => (places.get(b.name) ?? 0) - (places.get(a.name) ?? 0))
}

/** Parts of production, and of docker-compose.yml, that are not started here. */
export const onlyInContainers: readonly string[] = ['grafana', 'loki', 'alloy', 'otel-collector', 'tempo']

/** Paths of production's configuration. */
export interface Production {
  prometheus: string
  alertmanager: string
  templates: string
  processes: string
  postgresQueries: string
}

/**
 * The external programs that a stack runs, in the order in which they are looked for. Drills run the same.
 */
export const stackToolNames = [
  'prometheus',
  'promtool',
  'alertmanager',
  'pushgateway',
  'node_exporter',
  'postgres_exporter',
  'process-exporter',
] as const satisfies readonly ToolName[]
export type StackToolName = (typeof stackToolNames)[number]

/** What the page of the stack shows in addition to its state. */
export interface ShownFiles {
  /** The folder above `docs/` and `monitoring/`. */
  root: string
  dashboards: string
}

export interface StackPlan {
  /** Holds data, logs and the written configurations. */
  folder: string
  production: Production
  shown: ShownFiles
  /** The parts to start; missing: all. */
  parts?: ReadonlySet<ComponentName>
  /** Requested ports; 0 is any free port. */
  ports: Readonly<Partial<Record<ComponentName, number>>>
  /** Whether the others get production's ports where these are free, instead of any free port. */
  usualPorts: boolean
  target: { command: readonly string[]; cwd: string; env: NodeJS.ProcessEnv; ready: string }
  /** How the scheduled probes are started; they serve their metrics on `metricsPort`. */
  probes: (
    targetUrl: string,
    metricsPort: number,
  ) => { command: readonly string[]; cwd: string; env: NodeJS.ProcessEnv }
  tools: Readonly<Record<StackToolName, string>>
  /** The interval of scrapes and rule evaluations; undefined: production's. */
  interval: string | undefined
  /** Wall clock. */
  now: () => number
  signal: AbortSignal
  onEvent: (event: StackEvent) => void
}

export type StackEvent =
  | { event: 'up'; component: Component }
  | { event: 'ended'; component: Component; how: string }
  | { event: 'notification'; delivery: Delivery }

/** A part as users see it. */
export interface PartState {
  name: string
  url: string
  /** How it ended by itself. */
  ended?: string | undefined
}

export interface Component {
  name: ComponentName
  url: string
  port: number
  /** Undefined: it is part of this process. */
  pid: number | undefined
}
