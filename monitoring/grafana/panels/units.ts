/** Units as Grafana calls them, by what they are. Values stay in base units; Grafana scales them. */
export const units = {
  seconds: 's',
  ratio: 'percentunit',
  /** Decimal: the budget of 512 MB is. */
  bytes: 'decbytes',
  bytesPerSecond: 'Bps',
  /** Things a second, whatever they are. */
  perSecond: 'ops',
  requestsPerSecond: 'reqps',
  perMinute: 'opm',
  count: 'short',
  /** A moment, in milliseconds since 1970, told by how long ago it was. */
  ago: 'dateTimeFromNow',
  /** Nothing to scale: a state, or a number of things that is never thousands. */
  plain: 'none',
} as const

export type Unit = keyof typeof units
