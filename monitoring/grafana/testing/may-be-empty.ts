/**
 * Queries that may have no result in the live test, with the reason: by dashboard, panel and letter of the
 * query.
 */
export const mayBeEmpty: Readonly<Record<string, string>> = {
  'todo-api-performance: Alerts firing, and since when A': 'the test loads no rules, so no alert exists',
  'todo-synthetics: Certificate expires in A': 'the target of the test uses http, so it has no certificate',
}
