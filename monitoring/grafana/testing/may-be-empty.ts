/** Queries that give nothing here although nothing is wrong, and why: by dashboard, panel and letter of the query. */
export const mayBeEmpty: Readonly<Record<string, string>> = {
  'todo-synthetics: Certificate expires in A': 'the target of the test speaks http: there is no certificate',
}
