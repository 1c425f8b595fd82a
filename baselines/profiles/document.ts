import { z } from 'zod'
import { openObject } from '../../record/documents/index.ts'
import type { Known } from '../../record/documents/index.ts'

const bySide = { baseline: z.number(), candidate: z.number() }

const place = {
  /** As the profiler names it; of a function without a name: who called it. */
  name: z.string(),
  /** Relative to the worktree of its revision; as the profiler gives it elsewhere; '' for code of no file. */
  file: z.string(),
}

const functionChange = {
  ...place,
  /** Line of its definition, where the side has it. */
  line: openObject({ baseline: z.number().exactOptional(), candidate: z.number().exactOptional() }),
  /**
   * Milliseconds of CPU time a request, without what it called; of a function of the repository, with what
   * dependencies and the runtime did for it.
   */
  selfMs: openObject(bySide),
  /** Milliseconds of CPU time a request, with what it called. */
  totalMs: openObject(bySide),
  /** Of a dependency: the nearest function of the repository that called it, at its most costly place. */
  calledBy: openObject({ ...place, line: z.number() }).exactOptional(),
}
export type FunctionChange = Known<typeof functionChange>

const flameNode = {
  /** Index of the caller in the list, which comes before it; -1: none. */
  parent: z.int(),
  ...place,
  line: z.number(),
  /** Milliseconds of CPU time a request, with what it called. */
  totalMs: openObject(bySide),
}
export type FlameNode = Known<typeof flameNode>

const sideSummary = {
  requests: z.number(),
  samples: z.number(),
  cpuMsPerRequest: z.number(),
}

const profileComparison = {
  schema: z.literal('vigil.profile/1'),
  /** Id of the duet. */
  run: z.string(),
  suite: z.string(),
  /** `inspector`: V8's sampling profiler; `pprof`: what `target.profile` returned. */
  source: z.enum(['inspector', 'pprof']),
  seconds: z.number(),
  baseline: openObject(sideSummary),
  candidate: openObject(sideSummary),
  /** The largest changes beyond the noise of sampling, by the size of the change of `selfMs`. */
  changes: z.array(openObject(functionChange)),
  /** The call tree of both sides in one, without branches too small to draw. */
  flame: z.array(openObject(flameNode)),
}
/** The profiles of both sides of a duet, compared, `vigil.profile/1`. */
export type ProfileComparison = Known<typeof profileComparison>
export const profileSchema = openObject(profileComparison)
