import { describeFirstIssue } from './documents/index.ts'
import { probesReportSchema } from './probe.ts'
import type { ProbesReport } from './probe.ts'

/** Reads a probes document. `where` names the file in the problem. */
export function parseProbes(
  text: string,
  where: string,
): { state: 'read'; report: ProbesReport } | { state: 'refused'; problem: string } {
  try {
    const parsed = probesReportSchema.safeParse(JSON.parse(text))
    if (parsed.success) return { state: 'read', report: parsed.data }
    return { state: 'refused', problem: `${where}: ${describeFirstIssue(parsed.error)}` }
  } catch {
    return { state: 'refused', problem: `${where}: not JSON, expected a vigil.probes/1 document` }
  }
}
