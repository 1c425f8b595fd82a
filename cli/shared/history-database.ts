import { hostname } from 'node:os'
import type { Config } from '../../config/index.ts'
import type { HistoryDatabase } from '../../record/history/index.ts'

const variable = 'VIGIL_DATABASE_URL'

/**
 * The PostgreSQL that history is kept in, for several machines to share: what the environment says, else the config. Undefined: a file beside the runs.
 *
 * @param out absolute path of the folder that runs are kept under
 */
export function historyDatabase(
  env: NodeJS.ProcessEnv,
  out: string,
  config: Pick<Config, 'history'> | undefined,
): HistoryDatabase | undefined {
  const place = `${hostname()}:${out}`
  const asked = env[variable]
  if (asked !== undefined && asked !== '') return { url: asked, name: variable, place }
  return config?.history && { url: config.history.url, name: 'history.url of the config', place }
}
