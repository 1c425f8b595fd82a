/** A change to the bundled service whose effect is known: one text of one file replaced by another. */
export interface Injection {
  name: string
  file: string
  from: string
  to: string
}

const app = 'backend/http/app.ts'
const handler = '    return respond(scope, await one.handle({'
const list = '  const items = rows.slice(0, limit).map(toTask)\n'
const listRoute = "countOperation(metrics, 'list', async () =>"

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

/** At about 1.3 ms a request at the client. The first one changes nothing, and must not fail. */
export const injections: readonly Injection[] = [
  { name: 'nothing', file: app, from: '', to: '' },
  spin('latency +5 %', 65),
  spin('latency +10 %', 130),
  spin('latency +20 %', 260),
  {
    name: 'N+1 query',
    file: 'backend/tasks/page.ts',
    from: list,
    to: `  for (const _row of rows) await database.run(scope, pageStatement(shape), values)\n${list}`,
  },
  {
    name: 'one slow endpoint',
    file: 'backend/tasks/routes.ts',
    from: listRoute,
    to: `${listRoute} (await new Promise((resolve) => setTimeout(resolve, 1))) ??`,
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
