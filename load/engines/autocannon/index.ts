import { createRequire } from 'node:module'
import { z } from 'zod'

export { autocannonEngine } from './engine.ts'

const manifest = z.looseObject({ version: z.string() })

/** Of the autocannon package that makes the load. */
export const autocannonVersion = manifest.parse(
  createRequire(import.meta.url)('autocannon/package.json'),
).version
