/** A change to the bundled service whose effect is known: one text of one file replaced by another. */
export interface Injection {
  name: string
  file: string
  from: string
  to: string
}

const app = 'backend/http/app.ts'
const handler = '    refuseUnknownQuery(c)\n'
const list = '  const items = rows.slice(0, limit)\n'
const listRoute = '      const reply = await tasks.listReply('

/** Adds lines before each request is handled. */
function beforeEachRequest(name: string, ...lines: string[]): Injection {
  return { name, file: app, from: handler, to: [...lines.map((line) => `    ${line}`), handler].join('\n') }
}

/**
 * A spin of fixed length before each answer: a spin in proportion to wall time would grow without limit once
 * requests overlap.
 */
function spin(name: string, microseconds: number): Injection {
  return beforeEachRequest(
    name,
    `const until = performance.now() + ${microseconds} / 1000`,
    'while (performance.now() < until);',
  )
}

/** Its effect at the client is measured, and the spins of the others follow from it. */
export const calibrationMicroseconds = 65
export const calibration = spin('calibration', calibrationMicroseconds)

/** How much slower the client's p50 is to be. */
const latencies = { 'latency +5 %': 5, 'latency +10 %': 10, 'latency +20 %': 20 }

/**
 * The changes of the study. The first one changes nothing, and must not fail.
 *
 * @param microsecondsPerPercent the spin that makes the client's p50 1 % slower on this machine
 */
export const createInjections = (microsecondsPerPercent: number): Injection[] => [
  { name: 'nothing', file: app, from: '', to: '' },
  ...Object.entries(latencies).map(([name, percent]) =>
    spin(name, Math.round(percent * microsecondsPerPercent)),
  ),
  {
    name: 'N+1 query',
    file: 'backend/tasks/page.ts',
    from: list,
    to: `  for (const _row of rows) await database.run(scope, statement, values)\n${list}`,
  },
  {
    name: 'one slow endpoint',
    file: 'backend/tasks/routes.ts',
    from: listRoute,
    to: `      await new Promise((resolve) => setTimeout(resolve, 1))\n${listRoute}`,
  },
  beforeEachRequest(
    'errors 0.3 %',
    "if (Math.random() < 0.003 && c.req.path.startsWith('/tasks')) throw new Error('injected')",
  ),
  beforeEachRequest(
    'CPU +30 %',
    'setTimeout(() => { const until = performance.now() + 0.27',
    '  while (performance.now() < until); }, 5)',
  ),
]
