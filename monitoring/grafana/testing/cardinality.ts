import { readFileSync } from 'node:fs'

/** A line of the table in `docs/cardinality.md`. */
export interface Listed {
  /** Names of metrics; one that ends in `_` stands for all that begin with it. */
  families: string[]
  /** Series of an instance, of all of them together. */
  most: number
}

const document = readFileSync(new URL('../../../docs/cardinality.md', import.meta.url), 'utf8')

export const listed: Listed[] = [...document.matchAll(/^\| (`.*`) \|.*\| (\d+) \|$/gm)].map(
  ([, names = '', most]) => ({
    families: [...names.matchAll(/`(\w+)`/g)].map(([, name]) => name ?? ''),
    most: Number(most),
  }),
)

/** The line that a series' name belongs to; a histogram's series belong to that of the histogram. */
export function cardinalityLine(name: string): Listed | undefined {
  const family = name.replace(/_(bucket|sum|count)$/, '')
  return listed.find(({ families }) =>
    families.some((one) => one === name || one === family || (one.endsWith('_') && name.startsWith(one))),
  )
}
