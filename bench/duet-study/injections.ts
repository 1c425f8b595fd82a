/** A change to the bundled service whose effect is known: one text of one file replaced by another. */
export interface Injection {
  name: string
  file: string
  from: string
  to: string
}

const handler = '    return respond(scope, await one.handle({'

/**
 * A spin of fixed length before each answer: in proportion to wall time it would run away once requests
 * overlap.
 */
function spin(name: string, microseconds: number): Injection {
  return {
    name,
    file: 'backend/http/app.ts',
    from: handler,
    to: `    const until = performance.now() + ${microseconds} / 1000\n    while (performance.now() < until);\n${handler}`,
  }
}

/** At about 1.3 ms a request at the client; nothing, which must not be red, comes first. */
export const injections: readonly Injection[] = [
  { name: 'nothing', file: 'backend/http/app.ts', from: '', to: '' },
  spin('latency +5 %', 65),
  spin('latency +10 %', 130),
  spin('latency +20 %', 260),
  {
    name: 'N+1 query',
    file: 'backend/tasks/service.ts',
    from: '    const items = rows.slice(0, limit).map(taskOf)\n',
    to: '    for (const _row of rows) await this.#with.database.run(scope, pageStatement(shape), values)\n    const items = rows.slice(0, limit).map(taskOf)\n',
  },
  {
    name: 'one slow endpoint',
    file: 'backend/tasks/routes.ts',
    from: "counted(metrics, 'list', async () => jsonReply",
    to: "counted(metrics, 'list', async () => (await new Promise((resolve) => setTimeout(resolve, 1))) ?? jsonReply",
  },
  {
    name: 'errors 0.3 %',
    file: 'backend/http/app.ts',
    from: handler,
    to: `    if (Math.random() < 0.003 && c.req.path.startsWith('/tasks')) throw new Error('injected')\n${handler}`,
  },
  {
    name: 'CPU +30 %',
    file: 'backend/http/app.ts',
    from: handler,
    to: `    setTimeout(() => { const until = performance.now() + 0.27\n      while (performance.now() < until); }, 5)\n${handler}`,
  },
]
