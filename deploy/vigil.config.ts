import { defineConfig } from '../package/index.ts'
import local from '../vigil.config.ts'

const { docs: _browserAndDocumentsThatProductionHasNot, ...probes } = local.probes ?? {}

/**
 * What the probes of a deployed todo API run by. In addition to those of a laptop: `rate-limit`, which needs
 * the limits of production and shows that no one can bypass them.
 */
export default defineConfig({
  target: { url: process.env['VIGIL_TARGET'] ?? 'http://backend:8000' },
  journeys: '../journeys/todo/journeys.ts',
  probes: {
    ...probes,
    'rate-limit': { journey: 'rate-limit', every: '10m', degradedMs: 10_000, timeoutMs: 30_000 },
  },
  suites: {},
  // For probes that run once (cron.yaml): nothing is left to be scraped when they have ended.
  ...(local.pushgateway && { pushgateway: local.pushgateway }),
})
