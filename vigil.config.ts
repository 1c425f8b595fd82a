import { defineConfig } from './package/index.ts'

const pushgateway = process.env['PUSHGATEWAY_URL']

// The performance targets of the todo API (the baselines of production monitoring), and how they are tested.
export default defineConfig({
  target: {
    url: 'http://127.0.0.1:8000',
    // The Node that `npm ci` installed, not the machine's.
    command: ['node_modules/.bin/node', 'backend/main.ts'],
    ready: '/health/ready',
    metrics: '/metrics',
    database: 'postgres',
    env: {
      // Higher than in production: the load comes from one address and few users, which production refuses.
      RATE_LIMIT_PER_MINUTE: '10000000',
      AUTH_RATE_LIMIT_PER_MINUTE: '10000000',
    },
  },
  journeys: './journeys/todo/journeys.ts',
  probes: {
    health: { journey: 'health', every: '30s', degradedMs: 500 },
    'auth-flow': { journey: 'auth-flow', every: '5m', degradedMs: 2000 },
    'task-crud': { journey: 'task-crud', every: '1m', degradedMs: 2000 },
    ready: { journey: 'ready', every: '30s', degradedMs: 1000 },
    'export-import': { journey: 'export-import', every: '5m', degradedMs: 3000, timeoutMs: 15_000 },
    authorization: { journey: 'authorization', every: '5m', degradedMs: 2000 },
    tls: { spec: 'vigil:tls', every: '1h' },
    docs: { spec: './journeys/todo/docs.spec.ts', every: '15m', timeoutMs: 20_000, degradedMs: 5000 },
    // `rate-limit` needs the production limits, which are raised here. It belongs to the deployed service's
    // config.
  },
  // Without `docs`, which needs a browser: a gate may run on a machine without one.
  gate: {
    probes: ['health', 'ready', 'auth-flow', 'task-crud', 'authorization', 'export-import'],
    suites: ['browse', 'capacity'],
  },
  suites: {
    // Latency at a given rate. 30 journeys/s are 165 requests/s. In 30 s that is more than the 3,000 requests
    // that an error budget of 0.1 % needs, and in a duet's unit of 2.5 s more than the 300 that its p99
    // needs.
    browse: {
      engine: 'k6',
      journeys: { 'task-crud': 9, health: 1 },
      load: { ratePerSecond: 30 },
      warmupSeconds: 8,
      durationSeconds: 30,
    },
    // Capacity: the throughput when a few connections are always busy.
    capacity: {
      engine: 'autocannon',
      journeys: { 'task-crud': 1 },
      load: { connections: 8 },
      warmupSeconds: 5,
      durationSeconds: 15,
    },
  },
  // Growing figures of production and their limits. `vigil capacity --prometheus URL` shows when they are
  // reached.
  forecasts: {
    users: { query: 'max(pg_stat_user_tables_n_live_tup{relname="users"})', limit: 100_000 },
    tasks: { query: 'max(pg_stat_user_tables_n_live_tup{relname="tasks"})', limit: 10_000_000 },
    database: {
      query: 'max(pg_database_size_bytes{datname!~"postgres|template.*"})',
      limit: 50e9,
      unit: 'bytes',
    },
    // The day's peak against the measured capacity of one instance: the quotient is the number of instances.
    load: {
      query: 'max_over_time(sum(rate(http_requests_total{job="todo-backend"}[5m]))[1d:5m])',
      limit: 'capacity',
      unit: 'per second',
    },
  },
  // With a Pushgateway, vigil pushes the results to it.
  ...(pushgateway !== undefined && { pushgateway: { url: pushgateway } }),
  budgets: {
    p95Ms: 500,
    meanMs: 200,
    errorRate: 0.001,
    requestsPerMinute: 1000,
    rssBytes: 512e6,
  },
})
