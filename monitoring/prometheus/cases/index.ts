import type { AlertCase } from './case.ts'
import { monitoringCases } from './monitoring.ts'
import { noticeCases } from './notices.ts'
import { securityCases } from './security.ts'
import { serviceCases } from './service.ts'

export type { AlertCase, Step } from './case.ts'

/** What Prometheus must make of every alert. Several cases where an alert has several causes. */
export const alertCases: readonly AlertCase[] = [
  ...serviceCases,
  ...noticeCases,
  ...securityCases,
  ...monitoringCases,
]
