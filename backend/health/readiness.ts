/** Each check has this long, both run at once. */
const checkMs = 2000

export interface Readiness {
  database: boolean
  auth: boolean
}

/** What readiness depends on. */
export interface ReadinessSources {
  /** Resolves when the tables that requests need can be read. */
  database: () => Promise<void>
  /** Resolves when access tokens can be signed and verified. */
  auth: () => Promise<void>
  /** Whether the service is about to end. */
  draining: () => boolean
}

export async function readiness(sources: ReadinessSources): Promise<Readiness> {
  const [database, auth] = await Promise.all([passes(sources.database), passes(sources.auth)])
  return { database, auth }
}

async function passes(check: () => Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), checkMs)
  })
  const passed = check().then(
    () => true,
    () => false,
  )
  try {
    return await Promise.race([passed, late])
  } finally {
    clearTimeout(timer)
  }
}
