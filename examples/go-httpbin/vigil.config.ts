import type { Config } from 'vigil-gate'

const port = process.env['PORT'] ?? '18302'
const delay = process.env['DELAY_MS'] ?? '0'

export default {
  target: {
    url: `http://127.0.0.1:${port}`,
    command: ['go', 'run', '.'],
    env: { PORT: port, DELAY_MS: delay },
    ready: '/status/200',
  },
  journeys: './journeys.ts',
  probes: { visit: { journey: 'visit', every: '1m' } },
  suites: {
    rate: {
      engine: 'k6',
      journeys: { visit: 1 },
      load: { ratePerSecond: 30 },
      warmupSeconds: 2,
      durationSeconds: 10,
    },
  },
  budgets: { p95Ms: 250, errorRate: 0.05 },
} satisfies Config
