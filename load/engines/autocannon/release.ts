/** Releases a load process that waits, ready. A file of its own: the process loads no schemas. */
export const releaseSignal = 'SIGUSR2'
