import { defineConfig } from 'drizzle-kit'

// After a change of db/schema.ts, run `npx drizzle-kit generate` in this folder to write the next migration.
export default defineConfig({ dialect: 'postgresql', schema: './db/schema.ts', out: './db/migrations' })
