/** A database of history that cannot be used now; in one line, with no secret in it. */
export class HistoryUnavailable extends Error {
  override name = 'HistoryUnavailable'
}
