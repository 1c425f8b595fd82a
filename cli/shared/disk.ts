const words: Record<string, string> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EACCES: 'no permission',
  EPERM: 'no permission',
  ENOTDIR: 'a part of the path is a file',
}

/** What the disk refused, as one line with the file it was about; undefined when it was not the disk. */
export function diskProblem(error: unknown, path?: string): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined
  const why = words[error.code]
  if (why === undefined) return undefined
  const about = path ?? ('path' in error && typeof error.path === 'string' ? error.path : 'a file')
  return `${about}: could not be written: ${why}; earlier files are untouched`
}
