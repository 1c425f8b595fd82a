import type { LoadEnvironment, LoadPlan } from '../../../engine.ts'
import { toOneLine } from '../../../../record/index.ts'
import { readModules } from '../journey-modules.ts'

/** What a script's `__ENV` holds. The target's URL is not the suite's to set. */
export function scriptVariables({ source, secrets, targetUrl }: LoadPlan): Record<string, string> {
  const own = source.kind === 'script' ? source.env : undefined
  return { ...own, ...secrets, BASE_URL: targetUrl, TARGET_URL: targetUrl }
}

/** Shows what a script prints. */
export interface ScriptConsole {
  /** A line of k6's log, in which the console of the script is. */
  log: (line: string) => void
  /** A line of stdout that is no sample: what `handleSummary` returned. */
  summary: (line: string) => void
  /** Says how much was left out. */
  end: () => void
}

/** A script that prints in each iteration would fill the log of CI. */
const maxLines = 500
const maxLineLength = 1000

/** Without a `handleSummary`, stdout has k6's own summary, whose figures vigil reports itself. */
export async function createConsole(
  script: string,
  { console }: Pick<LoadEnvironment, 'console'>,
): Promise<ScriptConsole> {
  let count = 0
  const show = (line: string): void => {
    count += 1
    if (count <= maxLines) console?.(toOneLine(line, maxLineLength))
  }
  const texts = await readTexts(script)
  const ownsSummary = texts.some((text) => text.includes('handleSummary'))
  return {
    log: show,
    summary: (line) => {
      if (ownsSummary) show(line)
    },
    end: () => {
      if (count > maxLines) console?.(`… and ${count - maxLines} more lines, which are not shown`)
    },
  }
}

async function readTexts(script: string): Promise<string[]> {
  // k6 says what is wrong with a script that cannot be read.
  const modules = await readModules(script).catch(() => new Map<string, string>())
  return [...modules.values()]
}

/** What to do about an import by URL that k6 could not fetch; undefined when that is not the problem. */
export async function describeRemoteImport(script: string, problem: string): Promise<string | undefined> {
  const imported = (await readTexts(script)).flatMap(
    (text) => /\bfrom\s*['"](https:\/\/[^'"\s]+)['"]/.exec(text)?.[1] ?? [],
  )
  const url = imported.find((one) => problem.includes(one)) ?? imported[0]
  const isFetch = /couldn't be (?:retrieved|loaded)|dial tcp|no such host|i\/o timeout|ended with SIGKILL/i
  if (url === undefined || !isFetch.test(problem)) return undefined
  return (
    `imports ${toOneLine(url)}, which cannot be fetched from this machine: ` +
    'allow it to, or save that file next to the script and import it from there'
  )
}
