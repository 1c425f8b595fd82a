import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { dashboardOf } from '../dashboard.ts'
import { datasource, interval, label } from '../variables.ts'
import { business } from './business.ts'
import { capacity } from './capacity.ts'
import { now } from './now.ts'
import { security } from './security.ts'
import { traffic } from './traffic.ts'

/** G1: what callers experience, what they do, and who should not be there. */
export function apiPerformance(): Dashboard {
  return dashboardOf({
    uid: 'todo-api-performance',
    title: 'Todo API performance',
    description:
      'What callers of the API experience: how much, how fast, how often wrong; then what users do, where requests wait, and what security has to see.',
    variables: [
      datasource(),
      label('instance', 'Instance', 'process_start_time_seconds{job="todo-backend"}'),
      label('route', 'Route', 'http_requests_total{job="todo-backend"}'),
      interval(),
    ],
    rows: [now, traffic, business, capacity, security],
  })
}
