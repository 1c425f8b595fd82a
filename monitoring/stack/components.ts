/**
 * What the stack is made of. `usual`: the port that production uses, taken here when it is free. `production`: what
 * Prometheus' configuration calls it; PostgreSQL and the receiver are not scraped.
 */
export const components = {
  postgres: { usual: 5432, production: undefined, about: 'the database' },
  backend: { usual: 8000, production: 'backend:8000', about: 'the service under test' },
  'node-exporter': { usual: 9100, production: 'node-exporter:9100', about: 'this machine' },
  'postgres-exporter': { usual: 9187, production: 'postgres-exporter:9187', about: 'the database' },
  'process-exporter': { usual: 9256, production: 'process-exporter:9256', about: 'processes' },
  pushgateway: { usual: 9091, production: 'pushgateway:9091', about: 'what load runs push' },
  probes: { usual: 9464, production: 'vigil-probes:9464', about: 'vigil probe --every' },
  receiver: { usual: 9095, production: undefined, about: 'what PagerDuty, Slack, mail and SMS would get' },
  alertmanager: { usual: 9093, production: 'alertmanager:9093', about: 'alerts on their way' },
  prometheus: { usual: 9090, production: 'prometheus:9090', about: 'metrics, rules, targets' },
} as const satisfies Record<string, { usual: number; production: string | undefined; about: string }>

export type ComponentName = keyof typeof components

export function isComponent(name: string): name is ComponentName {
  return Object.hasOwn(components, name)
}

export const componentNames = Object.keys(components).filter(isComponent)

/** What production has besides, and docker-compose.yml as well. */
export const onlyInContainers: readonly string[] = ['grafana', 'loki', 'alloy', 'otel-collector', 'tempo']
