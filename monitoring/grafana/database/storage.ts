import type { Row } from '../dashboard.ts'
import { steps, table, timeSeries } from '../panels/index.ts'
import { amongTop, databaseLabels } from './now.ts'

/** What lies on the disk and how it is reached. */
export const storage: Row = {
  title: 'Size, indexes, replication',
  panels: [
    timeSeries({
      title: 'Database size',
      description:
        'Size on disk. A slope that changed: an import, an index, or vacuum that does not get through.',
      queries: [
        { expr: `sum by (datname) (pg_database_size_bytes{${databaseLabels}})`, legend: '{{datname}}' },
      ],
      unit: 'bytes',
      width: 8,
      alerts: ['DiskSpaceLow'],
    }),
    timeSeries({
      title: 'Reads from memory',
      description:
        "Share of blocks found in PostgreSQL's memory. Below 99 % for long: the working set outgrew shared_buffers, and the disk decides how fast it is.",
      queries: [
        {
          expr: `sum by (datname) (rate(pg_stat_database_blks_hit{${databaseLabels}}[$interval])) / (sum by (datname) (rate(pg_stat_database_blks_hit{${databaseLabels}}[$interval])) + sum by (datname) (rate(pg_stat_database_blks_read{${databaseLabels}}[$interval])))`,
          legend: '{{datname}}',
        },
      ],
      unit: 'ratio',
      width: 8,
      upTo: 1,
    }),
    timeSeries({
      title: 'Replication lag',
      description:
        'How far a replica is behind: what it shows is this old, and what would be lost if the primary were. A primary without replicas shows 0.',
      queries: [{ expr: 'max by (instance) (pg_replication_lag_seconds)', legend: '{{instance}}' }],
      unit: 'seconds',
      width: 8,
    }),
    table({
      title: 'Index usage by table',
      description:
        'Share of the scans of each table that went through an index, the least first. Little use on a large table: an index is missing. On a table of a few hundred rows PostgreSQL is right to read all of it.',
      queries: [
        {
          expr: `sum by (datname, relname) (pg_stat_user_tables_idx_scan{${databaseLabels}}) / (sum by (datname, relname) (pg_stat_user_tables_idx_scan{${databaseLabels}}) + sum by (datname, relname) (pg_stat_user_tables_seq_scan{${databaseLabels}}) > 0)`,
        },
      ],
      unit: 'ratio',
      width: 8,
      columns: { datname: 'Database', relname: 'Table' },
      value: 'By index',
      least: true,
      limits: steps('yellow', [0.5, 'green']),
    }),
    table({
      title: 'Indexes by use',
      description:
        'Scans of each index since the statistics were reset, the least used first. Those with 0 cost every write and serve no read: candidates to be dropped, unless they keep values unique.',
      queries: [
        { expr: `sum by (relname, indexrelname) (pg_stat_user_indexes_idx_scan{${databaseLabels}})` },
      ],
      unit: 'count',
      width: 8,
      columns: { relname: 'Table', indexrelname: 'Index' },
      value: 'Scans',
      least: true,
    }),
    timeSeries({
      title: 'Dead rows',
      description:
        'Rows that updates and deletes left behind and vacuum has not cleared yet, of the six tables with the most. A sawtooth is health; a slope is vacuum held up by a long transaction.',
      queries: [
        {
          expr: amongTop(
            6,
            `sum by (relname) (pg_stat_user_tables_n_dead_tup{${databaseLabels}})`,
            'relname',
            `sum by (relname) (pg_stat_user_tables_n_dead_tup{${databaseLabels}} @ end())`,
          ),
          legend: '{{relname}}',
        },
      ],
      unit: 'count',
      width: 8,
    }),
  ],
}
