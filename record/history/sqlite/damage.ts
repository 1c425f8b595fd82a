const corrupt = 11
const notADatabase = 26

/** Whether SQLite says that the file itself is damaged, rather than busy, full or forbidden. */
export function isDamagedFile(error: unknown): boolean {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return false
  // The lower byte; the rest says where exactly.
  return [corrupt, notADatabase].includes(error.errcode & 0xff)
}
