import { defineConfig } from 'drizzle-kit'

// `npx drizzle-kit generate` in this folder writes the next migration after a change of db/schema.ts.
export default defineConfig({ dialect: 'postgresql', schema: './db/schema.ts', out: './db/migrations' })
