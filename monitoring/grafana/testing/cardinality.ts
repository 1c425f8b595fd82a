import { readFileSync } from 'node:fs'

/** A row of the table in `docs/cardinality.md`. */
export interface CardinalityRow {
  /** Names of metrics. A name that ends in `_` is a prefix. */
  families: string[]
  /** Maximal number of series of an instance, for all names together. */
  maxSeries: number
}

const document = readFileSync(new URL('../../../docs/cardinality.md', import.meta.url), 'utf8')

export const listed: CardinalityRow[] = [...document.matchAll(/^\| (`.*`) \|.*\| (\d+) \|$/gm)].map(
  ([, names = '', most]) => ({
    families: [...names.matchAll(/`(\w+)`/g)].map(([, name]) => name ?? ''),
    maxSeries: Number(most),
  }),
)

/** The row of a series' name. The series of a histogram belong to the histogram's row. */
export function cardinalityLine(name: string): CardinalityRow | undefined {
  const family = name.replace(/_(bucket|sum|count)$/, '')
  return listed.find(({ families }) =>
    families.some((one) => one === name || one === family || (one.endsWith('_') && name.startsWith(one))),
  )
}
