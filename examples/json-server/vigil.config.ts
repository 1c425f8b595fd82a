import type { Config } from 'vigil-gate'

const port = process.env['PORT'] ?? '18301'
const delay = process.env['DELAY_MS'] ?? '0'
const server = ['node_modules/.bin/json-server', 'db.cjs', '--quiet', '--host', '127.0.0.1', '--port', port]

export default {
  target: {
    url: `http://127.0.0.1:${port}`,
    command: [...server, ...(delay === '0' ? [] : ['--delay', delay])],
    ready: '/posts',
  },
  journeys: './journeys.ts',
  probes: { posts: { journey: 'posts', every: '1m' } },
  suites: {
    capacity: {
      engine: 'autocannon',
      journeys: { posts: 1 },
      load: { connections: 4 },
      warmupSeconds: 2,
      durationSeconds: 10,
    },
  },
  budgets: { p95Ms: 150, errorRate: 0.05 },
} satisfies Config
