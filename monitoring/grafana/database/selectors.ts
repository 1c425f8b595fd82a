/** The API's own view of its database, of the instances that the reader chose. */
export const ofApi = 'job="todo-backend", instance=~"$instance"'
/** PostgreSQL's view of the databases that the reader chose; its templates are nobody's, and what it shares has no name. */
export const ofDatabase = 'datname=~"$database", datname!~"|template.*"'

/**
 * Those of `series` whose `by` is among the few with the most of `rank` over the whole range: a fixed choice for the
 * picture, where a bare topk would choose anew at each point and draw all of them in pieces.
 *
 * @param rank an instant vector; its windows are the range, and its moment is the range's end
 */
export function amongTop(count: number, series: string, by: string, rank: string): string {
  return `${series} and on (${by}) topk(${count}, ${rank})`
}
