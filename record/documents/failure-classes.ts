/** The classes a failed request falls into: where on its way it failed. */
export const failureClasses = [
  'dns',
  'connect',
  'tls',
  'timeout',
  'redirect',
  'status',
  'check',
  'dropped',
] as const
export type FailureClass = (typeof failureClasses)[number]
