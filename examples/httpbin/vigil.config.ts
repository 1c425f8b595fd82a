import type { Config } from 'vigil-gate'

const port = process.env['PORT'] ?? '18303'
const delay = process.env['DELAY_MS'] ?? '0'

export default {
  target: {
    url: `http://127.0.0.1:${port}`,
    command: ['.venv/bin/gunicorn', '--bind', `127.0.0.1:${port}`, '--threads', '4', 'service:app'],
    env: { DELAY_MS: delay },
    ready: '/status/200',
    // Prepares the virtual environment of each revision for `vigil ab`.
    prepare: ['sh', '-c', 'python3 -m venv .venv && .venv/bin/pip install -r requirements.txt'],
  },
  journeys: './journeys.ts',
  probes: { orders: { journey: 'orders', every: '1m' } },
  suites: {
    capacity: {
      engine: 'autocannon',
      journeys: { orders: 1 },
      load: { connections: 4 },
      warmupSeconds: 2,
      durationSeconds: 10,
    },
  },
  budgets: { p95Ms: 300, errorRate: 0.05 },
} satisfies Config
