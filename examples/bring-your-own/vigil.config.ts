import type { Config } from 'vigil-gate'

const port = process.env['PORT'] ?? '18304'

export default {
  target: {
    url: `http://127.0.0.1:${port}`,
    // The same line starts the service here, in a gate, and each revision in `vigil ab`.
    command: ['node', 'service.mjs', '{port}'],
    ready: '/',
  },
  journeys: './journeys.ts',
  probes: {
    visit: { journey: 'visit', every: '1m' },
    page: { spec: './shop.spec.ts', every: '10m' },
  },
  suites: {
    visit: {
      engine: 'k6',
      journeys: { visit: 1 },
      load: { ratePerSecond: 20 },
      warmupSeconds: 1,
      durationSeconds: 8,
      budgets: { p95Ms: 250, errorRate: 0.05 },
    },
    checkout: {
      engine: 'k6',
      script: './load/checkout.js',
      env: { CURRENCY: 'EUR' },
      // The script sets its own load.
      load: { ratePerSecond: 1 },
      durationSeconds: 1,
      budgets: {
        errorRate: 0.05,
        metrics: { checkout_time: ['p(95) < 250', 'avg < 100'], orders: ['count > 100'] },
        checks: { 'is paid': 0.95 },
      },
    },
  },
} satisfies Config
