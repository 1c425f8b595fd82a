import { defineConfig } from './config/index.ts'

const pushgateway = process.env['PUSHGATEWAY_URL']

// The promises of the todo API (the performance baselines of production monitoring) and how they are put to
// the test.
export default defineConfig({
  target: {
    url: 'http://127.0.0.1:8000',
    // The Node that `npm ci` installed, whatever the machine's own is.
    command: ['node_modules/.bin/node', 'backend/main.ts'],
    ready: '/health/ready',
    metrics: '/metrics',
    database: 'postgres',
    env: {
      // Raised openly: the load comes from one address and few users, which the production limits are there
      // to refuse.
      RATE_LIMIT_PER_MINUTE: '10000000',
      AUTH_RATE_LIMIT_PER_MINUTE: '10000000',
    },
  },
  journeys: './journeys/todo/index.ts',
  probes: {
    health: { journey: 'health', every: '30s', degradedMs: 500 },
    'auth-flow': { journey: 'auth-flow', every: '5m', degradedMs: 2000 },
    'task-crud': { journey: 'task-crud', every: '1m', degradedMs: 2000 },
    ready: { journey: 'ready', every: '30s', degradedMs: 1000 },
    'export-import': { journey: 'export-import', every: '5m', degradedMs: 3000, timeoutMs: 15_000 },
    authorization: { journey: 'authorization', every: '5m', degradedMs: 2000 },
    tls: { spec: 'vigil:tls', every: '1h' },
    docs: { spec: './synthetics/specs/docs.spec.ts', every: '15m', timeoutMs: 20_000, degradedMs: 5000 },
    // `rate-limit` wants the limits of production, which are raised here: it belongs to the config of the
    // deployed service.
  },
  // Not `docs`, which needs a browser: a gate runs on a machine that has none.
  gate: {
    probes: ['health', 'ready', 'auth-flow', 'task-crud', 'authorization', 'export-import'],
    suites: ['browse', 'capacity'],
  },
  suites: {
    // Latency at a given rate. 30 journeys/s are 165 requests/s: in 30 s more than the 3,000 requests that an
    // error budget of 0.1 % needs to be judged, and in a duet's unit of 2.5 s more than the 300 that its p99
    // needs.
    browse: {
      engine: 'k6',
      journeys: { 'task-crud': 9, health: 1 },
      load: { ratePerSecond: 30 },
      warmupSeconds: 8,
      durationSeconds: 30,
    },
    // Capacity: how much it answers when a few connections are kept busy.
    capacity: {
      engine: 'autocannon',
      journeys: { 'task-crud': 1 },
      load: { connections: 8 },
      warmupSeconds: 5,
      durationSeconds: 15,
    },
  },
  // What grows in production, and what it must not reach: `vigil capacity --prometheus URL` shows when.
  forecasts: {
    users: { query: 'max(pg_stat_user_tables_n_live_tup{relname="users"})', limit: 100_000 },
    tasks: { query: 'max(pg_stat_user_tables_n_live_tup{relname="tasks"})', limit: 10_000_000 },
    database: {
      query: 'max(pg_database_size_bytes{datname!~"postgres|template.*"})',
      limit: 50e9,
      unit: 'bytes',
    },
    // The day's peak against what one instance was measured to bear: divide by it for the number of
    // instances.
    load: {
      query: 'max_over_time(sum(rate(http_requests_total{job="todo-backend"}[5m]))[1d:5m])',
      limit: 'capacity',
      unit: 'per second',
    },
  },
  // Where a Pushgateway is, what was measured goes there.
  ...(pushgateway !== undefined && { pushgateway: { url: pushgateway } }),
  budgets: {
    p95Ms: 500,
    meanMs: 200,
    errorRate: 0.001,
    requestsPerMinute: 1000,
    rssBytes: 512e6,
  },
})
