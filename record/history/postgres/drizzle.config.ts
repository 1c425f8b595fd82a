import { defineConfig } from 'drizzle-kit'

// `npx drizzle-kit generate` in this folder writes the next migration after a change of tables.ts.
export default defineConfig({ dialect: 'postgresql', schema: './tables.ts', out: './migrations' })
