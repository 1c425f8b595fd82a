import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { business } from './api-performance/business.ts'
import { capacity, traffic } from './api-performance/traffic.ts'
import { now as apiNow } from './api-performance/now.ts'
import { security } from './api-performance/security.ts'
import { buildDashboard, label } from './dashboard.ts'
import { connections, queries } from './database/queries.ts'
import { now as databaseNow } from './database/now.ts'
import { storage } from './database/storage.ts'
import { loadRuns, overlay } from './synthetics/load-runs.ts'
import { now as syntheticsNow, probes } from './synthetics/probes.ts'
import { host } from './system/host.ts'
import { now as systemNow } from './system/now.ts'
import { processes, runtime } from './system/processes.ts'

const apiInstances = 'process_start_time_seconds{job="todo-backend"}'

/** Each dashboard that Grafana loads, by the name of its file. */
export function dashboards(): Record<string, Dashboard> {
  return Object.fromEntries(
    [apiPerformance(), database(), system(), synthetics()].map((dashboard) => [
      `${dashboard.uid}.json`,
      dashboard,
    ]),
  )
}

/** The content of a dashboard's file. */
export function toFileText(dashboard: Dashboard): string {
  return `${JSON.stringify(dashboard, null, 2)}\n`
}

/** G1: what callers experience, what users do, and who attacks. */
function apiPerformance(): Dashboard {
  return buildDashboard({
    uid: 'todo-api-performance',
    title: 'Todo API performance',
    description:
      'What callers of the API experience: traffic, latency, errors. Then what users do, ' +
      'where requests wait, and security.',
    variables: [
      label('instance', 'Instance', apiInstances),
      label('route', 'Route', 'http_requests_total{job="todo-backend"}'),
    ],
    rows: [apiNow, traffic, business, capacity, security],
  })
}

/** G2: whether the database is the cause, and which query, lock or table. */
function database(): Dashboard {
  return buildDashboard({
    uid: 'todo-database',
    title: 'Todo database',
    description:
      'Whether the database is the cause: its queries as the API measures them, the ' +
      'connections to it, and what PostgreSQL reports.',
    variables: [
      label('instance', 'API instance', apiInstances, 'instance'),
      label('database', 'Database', 'pg_database_size_bytes{datname!~"|template.*"}', 'datname'),
    ],
    rows: [databaseNow, queries, connections, storage],
  })
}

/** G3: what the machine has left, and which process uses it. */
function system(): Dashboard {
  return buildDashboard({
    uid: 'todo-system',
    title: 'Todo system resources',
    description:
      'What the machines have left of CPU, memory, disk and network, which process uses ' +
      'it, and the state of the API runtime.',
    variables: [
      label('node', 'Machine', 'node_uname_info', 'instance'),
      label('instance', 'API instance', apiInstances, 'instance'),
    ],
    rows: [systemNow, host, processes, runtime],
  })
}

/** G4: what vigil measures in production and under load, compared with budgets and baselines. */
function synthetics(): Dashboard {
  return buildDashboard({
    uid: 'todo-synthetics',
    title: 'Todo synthetics and load',
    description:
      'What vigil measures: the probes of production, and the load runs with their budgets ' +
      'and baselines, next to real traffic.',
    variables: [
      label('probe', 'Probe', 'vigil_probe_outcome'),
      label('suite', 'Suite', 'vigil_run_info'),
      label('environment', 'Environment', 'vigil_run_info'),
    ],
    rows: [syntheticsNow, probes, overlay, loadRuns],
  })
}
