import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { dashboardOf } from '../dashboard.ts'
import { datasource, interval, label } from '../variables.ts'
import { host } from './host.ts'
import { now } from './now.ts'
import { processes } from './processes.ts'
import { runtime } from './runtime.ts'

/** G3: what the machine has left, and which process takes it. */
export function system(): Dashboard {
  return dashboardOf({
    uid: 'todo-system',
    title: 'Todo system resources',
    description:
      'What the machines have left of CPU, memory, disk and network, which process takes it, and how the runtime of the API is.',
    variables: [
      datasource(),
      label('node', 'Machine', 'node_uname_info', 'instance'),
      label('instance', 'API instance', 'process_start_time_seconds{job="todo-backend"}', 'instance'),
      interval(),
    ],
    rows: [now, host, processes, runtime],
  })
}
