const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * The path of a request as a trace may keep it: without the query, and with ids only where the route has them. What
 * else a caller has put there, an address or a token gone astray, is replaced by the parameter's name; a path that is
 * no route's is not told at all.
 */
export function tracedPath(target: string, route: string): string | undefined {
  if (!route.startsWith('/')) return undefined
  if (!route.includes(':')) return route
  const given = target.split(/[?#]/, 1)[0]?.split('/') ?? []
  return route
    .split('/')
    .map((part, index) => (part.startsWith(':') && uuid.test(given[index] ?? '') ? given[index] : part))
    .join('/')
}
