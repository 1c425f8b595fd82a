import { bigint, index, json, pgSchema, primaryKey, text } from './drizzle.ts'

/** A schema of its own: the database may be one that other things live in. */
export const history = pgSchema('vigil_history')

export const runs = history.table(
  'runs',
  {
    id: text().primaryKey(),
    suite: text().notNull(),
    engine: text().notNull(),
    environment: text().notNull(),
    startedMs: bigint('started_ms', { mode: 'number' }).notNull(),
    entry: json().notNull(),
  },
  (table) => [
    index('runs_by_series').on(table.suite, table.engine, table.environment, table.startedMs, table.id),
  ],
)

// Of its own, because to find the few different ones in an index of runs takes a look at each.
export const series = history.table(
  'series',
  { suite: text().notNull(), engine: text().notNull(), environment: text().notNull() },
  (table) => [primaryKey({ columns: [table.suite, table.engine, table.environment] })],
)

/** Records that could not be read, by their folder of runs. */
export const setAside = history.table(
  'set_aside',
  { place: text().notNull(), id: text().notNull(), problem: text().notNull() },
  (table) => [primaryKey({ columns: [table.place, table.id] })],
)

/** The state of each folder of runs that the rest agrees with. */
export const seen = history.table('seen', { place: text().primaryKey(), state: text() })
