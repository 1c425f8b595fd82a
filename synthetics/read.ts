import { z } from 'zod'
import { failureClasses } from '../record/index.ts'
import { firstFlaw } from '../record/flaw.ts'
import type { ProbesReport } from './outcome.ts'

const step = z.object({
  step: z.string(),
  ok: z.boolean(),
  status: z.number(),
  durationMs: z.number(),
  class: z.enum(failureClasses).exactOptional(),
  message: z.string().exactOptional(),
})

const report = z.object({
  schema: z.literal('vigil.probes/1'),
  probes: z.array(
    z.object({
      name: z.string(),
      outcome: z.enum(['up', 'degraded', 'down', 'unknown']),
      startedAt: z.iso.datetime(),
      durationMs: z.number(),
      attempts: z.number(),
      steps: z.array(step),
      message: z.string().exactOptional(),
    }),
  ),
})

/** Reads a probes document. `where` names the file in the problem. */
export function parseProbes(
  text: string,
  where: string,
): { state: 'read'; report: ProbesReport } | { state: 'refused'; problem: string } {
  try {
    const parsed = report.safeParse(JSON.parse(text))
    if (parsed.success) return { state: 'read', report: parsed.data }
    return { state: 'refused', problem: `${where}: ${firstFlaw(parsed.error)}` }
  } catch {
    return { state: 'refused', problem: `${where}: not JSON, expected a vigil.probes/1 document` }
  }
}
