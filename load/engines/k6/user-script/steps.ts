/** Names a script's requests as steps, a bounded number of them. */
export interface StepNames {
  of: (tags: Record<string, string>) => string
}

const most = 50
const longest = 60
const prefix = 'script/'
const other = `${prefix}other`

/**
 * Steps of a user's script: `script/<group>.<name>`. The name is what the script calls a request (its `name` tag), else the
 * URL's path without its query, and with what looks like an id replaced, since each would be a step of its own. Whatever
 * comes after the first fifty is `script/other`.
 */
export function stepNames(): StepNames {
  const known = new Map<string, string>()
  const steps = new Set<string>()
  const named = (tags: Record<string, string>): string => {
    const step = `${prefix}${nameOf(tags)}`
    if (steps.has(step)) return step
    if (steps.size >= most) return other
    steps.add(step)
    return step
  }
  return {
    of: (tags) => {
      const key = `${tags['group'] ?? ''} ${tags['method'] ?? ''} ${tags['name'] ?? ''}`
      const step = known.get(key) ?? named(tags)
      // URLs with ids are as many as requests: the memory of names is bounded too.
      if (known.size < most * 20) known.set(key, step)
      return step
    },
  }
}

function nameOf(tags: Record<string, string>): string {
  const { group = '', name = '', url = '', method = '' } = tags
  // k6 sets both to the given name, or to the URL where there is none.
  const own = isUrl(name) ? `${method} ${pathOf(name)}` : name || `${method} ${pathOf(url)}`
  const groups = group.split('::').filter((part) => part !== '')
  const words = [...groups, own]
    .map((part) => part.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replaceAll(/^[-._]+|[-._]+$/g, ''))
    .filter((part) => part !== '')
  return words.join('.').slice(0, longest) || 'unnamed'
}

function isUrl(name: string): boolean {
  return /^https?:\/\//.test(name)
}

function pathOf(url: string): string {
  if (!URL.canParse(url)) return ''
  return new URL(url).pathname
    .split('/')
    .map((part) => (looksLikeId(part) ? 'id' : part))
    .join('/')
}

// Numbers, UUIDs, hashes and tokens: with digits in it, and long or nothing else.
function looksLikeId(part: string): boolean {
  return (
    /^\d+$/.test(part) ||
    (/\d/.test(part) && /^[\w%.~-]{16,}$/.test(part)) ||
    /^[\da-f]{8}-[\da-f-]{27}$/i.test(part)
  )
}
