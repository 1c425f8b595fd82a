import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { temporaryFolder } from '../../runtime/testing/temporary-folder.ts'
import { configurePrometheus, readNotifiedNames } from './configure.ts'
import { writeGenerated } from './generated.ts'
import { requireTool } from '../../runtime/tools/index.ts'

const folder = temporaryFolder('generated-stack')
const plan = { rules: join(folder, 'rules.yml'), routes: join(folder, 'routes.yml') }
const routes = `route: { receiver: tickets }
receivers:
  - name: tickets
  - name: my pages
    pagerduty_configs: [{ routing_key_file: /run/secrets/pagerduty }]
`

it('scrapes what the rules read, and shows the messages of receivers with only a name', async () => {
  writeFileSync(plan.rules, 'groups: [{ name: a, rules: [{ alert: Down, expr: vigil_probe_success == 0 }] }]')
  writeFileSync(plan.routes, routes)
  const written = await writeGenerated(join(folder, 'out'), {
    ...plan,
    metricsPath: '/api/metrics',
    hasProbes: true,
  })
  if (written.state !== 'ok') throw new Error(written.reason)
  expect([...written.parts].toSorted()).toEqual([
    'alertmanager',
    'backend',
    'probes',
    'prometheus',
    'pushgateway',
    'receiver',
  ])
  expect(await readNotifiedNames(written.production)).toEqual({
    pagerduty: ['pagerduty'],
    slack: ['tickets'],
  })
  const configured = await configurePrometheus(written.production, {
    folder: join(folder, 'prometheus'),
    ports: { prometheus: 1, alertmanager: 2, pushgateway: 3, probes: 4, backend: 5 },
    interval: '1s',
    promtool: await requireTool('promtool'),
    pageUrl: 'http://127.0.0.1:6',
  })
  expect(configured).toMatchObject({ state: 'ok', targetCount: 5 })
  const text = readFileSync(join(folder, 'prometheus/prometheus.yml'), 'utf8')
  const { scrape_configs: jobs } = parse(text) as { scrape_configs: { job_name: string }[] }
  expect(jobs.at(-1)).toMatchObject({ job_name: 'backend', metrics_path: '/api/metrics' })
})

it('needs no probes and no metrics of the service, and refuses what is no configuration', async () => {
  const without = { ...plan, metricsPath: undefined, hasProbes: false }
  const written = await writeGenerated(join(folder, 'bare'), without)
  expect(written.state === 'ok' && written.parts.has('probes')).toBe(false)
  writeFileSync(plan.routes, '- a list')
  expect(await writeGenerated(join(folder, 'bad'), without)).toEqual({
    state: 'invalid',
    reason: `${plan.routes}: expected a mapping`,
  })
})
