import type { Row } from '../dashboard.ts'
import { line, steps, table, timeSeries } from '../panels/index.ts'
import { amongTop, databaseLabels } from './now.ts'

/** Size, indexes and replication. */
export const storage: Row = {
  title: 'Size, indexes, replication',
  panels: [
    timeSeries({
      title: 'Database size',
      description: 'Size on disk. A changed slope: an import, an index, or vacuum that cannot finish.',
      queries: [line('{{datname}}', `sum by (datname) (pg_database_size_bytes{${databaseLabels}})`)],
      unit: 'bytes',
      width: 8,
      alerts: ['DiskSpaceLow'],
    }),
    timeSeries({
      title: 'Reads from memory',
      description:
        "Share of blocks found in PostgreSQL's memory. Below 99 % for a long time: the " +
        'working set is larger than shared_buffers, and the disk limits the speed.',
      queries: [
        line(
          '{{datname}}',
          `sum by (datname) (rate(pg_stat_database_blks_hit{${databaseLabels}}[$__rate_interval])) / ` +
            `(sum by (datname) (rate(pg_stat_database_blks_hit{${databaseLabels}}[$__rate_interval])) + ` +
            `sum by (datname) (rate(pg_stat_database_blks_read{${databaseLabels}}[$__rate_interval])))`,
        ),
      ],
      unit: 'ratio',
      width: 8,
      upTo: 1,
    }),
    timeSeries({
      title: 'Replication lag',
      description:
        "The age of a replica's data, and what would be lost with the primary. A primary " +
        'without replicas shows 0.',
      queries: [line('{{instance}}', 'max by (instance) (pg_replication_lag_seconds)')],
      unit: 'seconds',
      width: 8,
    }),
    table({
      title: 'Index usage by table',
      description:
        'Share of the scans of each table that used an index, the lowest first. A low share ' +
        'on a large table: an index is missing. For a few hundred rows a full scan is faster.',
      queries: [
        {
          expr:
            `sum by (datname, relname) (pg_stat_user_tables_idx_scan{${databaseLabels}}) / (sum ` +
            `by (datname, relname) (pg_stat_user_tables_idx_scan{${databaseLabels}}) + sum by ` +
            `(datname, relname) (pg_stat_user_tables_seq_scan{${databaseLabels}}) > 0)`,
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
        'Scans of each index since the statistics were reset, the least used first. An index ' +
        'with 0 scans slows down every write and helps no read: drop it, unless it enforces ' +
        'uniqueness.',
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
        'Rows left by updates and deletes that vacuum has not removed, of the six tables ' +
        'with the most. A sawtooth is normal. A slope: a long transaction blocks vacuum.',
      queries: [
        line(
          '{{relname}}',
          amongTop(
            6,
            `sum by (relname) (pg_stat_user_tables_n_dead_tup{${databaseLabels}})`,
            'relname',
            `sum by (relname) (pg_stat_user_tables_n_dead_tup{${databaseLabels}} @ end())`,
          ),
        ),
      ],
      unit: 'count',
      width: 8,
    }),
  ],
}
