import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { dashboardOf } from '../dashboard.ts'
import { datasource, interval, label } from '../variables.ts'
import { connections } from './connections.ts'
import { now } from './now.ts'
import { queries } from './queries.ts'
import { storage } from './storage.ts'

/** G2: whether the database is the reason, and which query, lock or table it is. */
export function database(): Dashboard {
  return dashboardOf({
    uid: 'todo-database',
    title: 'Todo database',
    description:
      'Whether the database is the reason: its queries as the API sees them, the connections between the two, and what PostgreSQL says of itself.',
    variables: [
      datasource(),
      label('instance', 'API instance', 'process_start_time_seconds{job="todo-backend"}', 'instance'),
      label('database', 'Database', 'pg_database_size_bytes{datname!~"|template.*"}', 'datname'),
      interval(),
    ],
    rows: [now, queries, connections, storage],
  })
}
