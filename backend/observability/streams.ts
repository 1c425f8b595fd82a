/** Which of the four streams a line belongs to; each is kept for a time of its own. */
export const streams = ['application', 'security', 'audit', 'error'] as const

export type Stream = (typeof streams)[number]
