import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { dashboardOf } from '../dashboard.ts'
import { datasource, interval, label } from '../variables.ts'
import { loadRuns } from './load-runs.ts'
import { now } from './now.ts'
import { overlay } from './overlay.ts'
import { probes } from './probes.ts'

/** G4: what we ask the API ourselves, in production and under load, against what was promised. */
export function synthetics(): Dashboard {
  return dashboardOf({
    uid: 'todo-synthetics',
    title: 'Todo synthetics and load',
    description:
      'What vigil finds when it asks the API itself: the probes of production, and the load runs against their budgets and baselines, beside what real users get.',
    variables: [
      datasource(),
      label('probe', 'Probe', 'vigil_probe_outcome'),
      label('suite', 'Suite', 'vigil_run_info'),
      label('environment', 'Environment', 'vigil_run_info'),
      interval(),
    ],
    rows: [now, probes, overlay, loadRuns],
  })
}
