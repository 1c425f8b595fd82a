import type { World } from './world.ts'

/** Exactly one JSON document on stdout. */
export function printJson({ stdout }: Pick<World, 'stdout'>, value: unknown): void {
  stdout(`${JSON.stringify(value, null, 2)}\n`)
}
