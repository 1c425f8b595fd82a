import { readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

/** What the package consists of, as paths relative to the repository. */
export interface PackageSources {
  /** TypeScript files that run in the package. */
  code: string[]
  /** Files and folders that this code reads next to itself. */
  assets: string[]
  /** Names of the npm packages that this code loads. */
  packages: string[]
}

/** The command line and what users import. Child processes and k6 load files that these name by URL. */
export const entries = ['cli/main.ts', 'package/index.ts', 'package/journeys.ts', 'package/playwright.ts']

/** Needs the configuration of this repository's own production. `cli/commands.ts` leaves these commands out. */
const checkoutOnly = /^monitoring\/|^cli\/commands\/(?:up|down|drill)\//

/** Follows the imports from the entries, and the files that code names by `new URL('…', import.meta.url)`. */
export function collectSources(root: string, dependencies: readonly string[]): PackageSources {
  const code = new Map<string, string>()
  const assets = new Set<string>()
  const visit = (path: string): void => {
    if (code.has(path)) return
    const text = withoutComments(readFileSync(join(root, path), 'utf8'))
    code.set(path, text)
    for (const reference of findReferences(text)) {
      const target = normalize(join(dirname(path), reference))
      if (target === 'package.json' || target === 'monitoring/') continue
      if (!target.endsWith('.ts')) assets.add(target)
      else if (!checkoutOnly.test(target)) visit(target)
      else if (path !== 'cli/commands.ts')
        throw new Error(`${path}: imports ${target}, which is not in the package: only cli/commands.ts may`)
    }
  }
  for (const entry of entries) visit(entry)
  const all = [...code.values()].join('\n')
  return {
    code: [...code.keys()].toSorted(),
    assets: [...assets].toSorted(),
    packages: dependencies
      .filter((name) => all.includes(`'${name}'`) || all.includes(`'${name}/`))
      .toSorted(),
  }
}

/** Relative paths of the modules that a file loads when it runs, and of the files that it names by URL. */
function findReferences(text: string): string[] {
  const withoutTypes = text.replaceAll(/^(?:import|export) type [\s\S]*?from '[^']+'/gm, '')
  const imported = withoutTypes.matchAll(/(?:\bfrom\s+|\bimport\(\s*|^import\s+)'(\.{1,2}\/[^']+)'/gm)
  const named = text.matchAll(/new URL\('([^']+)', import\.meta\.url\)/g)
  return [...imported, ...named].map(([, path = '']) => path)
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
}
