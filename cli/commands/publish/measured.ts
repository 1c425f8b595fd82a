import { resolve } from 'node:path'
import { z } from 'zod'
import { verdictSchema } from '../../../baselines/index.ts'
import type { Verdict } from '../../../baselines/index.ts'
import type { GateMode } from '../../../config/index.ts'
import { jsonOf, probesReportSchema } from '../../../record/documents/index.ts'
import type { PublishedOutcome } from '../../../reports/ci/index.ts'
import { markdownReport } from '../../../reports/markdown/index.ts'
import { exitCodeOf, exitCodes } from '../../exit-codes.ts'
import { judgeProbes } from '../../shared/probing.ts'
import { readIfPresent, UsageError, version } from '../../shared/world.ts'

/** What a measuring command left. */
export interface Measured {
  outcome: PublishedOutcome
  mode: GateMode
  verdict?: Verdict
  /** Markdown, most important first. */
  documents: string[]
  /** Of the complete report, if there is one. */
  report?: string
}

const files = z.looseObject({ html: z.string(), markdown: z.string() })
const part = z.looseObject({ verdict: z.string(), reports: files.exactOptional() })
const documentFacts = z.looseObject({
  mode: z.enum(['enforce', 'advisory']).exactOptional(),
  reports: files.exactOptional(),
  duets: z.array(part).exactOptional(),
  suites: z.array(part).exactOptional(),
})

interface MeasuredRequest {
  cwd: string
  /** The file with the document of `--json`; undefined, missing or empty: the command printed none. */
  result: string | undefined
  exitCode: number | undefined
  mode: GateMode | undefined
}

/** Reads the document of a measuring command, and the reports that it names. */
export async function readMeasured({ cwd, result, exitCode, mode }: MeasuredRequest): Promise<Measured> {
  const file = result === undefined ? undefined : resolve(cwd, result)
  const text = file === undefined ? undefined : await readIfPresent(file)
  if (file === undefined || text === undefined || text.trim() === '')
    return {
      outcome: toOutcome(exitCode, undefined, mode ?? 'enforce'),
      mode: mode ?? 'enforce',
      documents: [],
    }
  const json = jsonOf(text)
  const probes = probesReportSchema.safeParse(json.state === 'ok' ? json.value : undefined)
  if (probes.success) {
    const verdict = judgeProbes(probes.data, 'no probe was run', 'probe')
    const input = {
      title: 'probe',
      verdict,
      runs: [],
      probes: probes.data,
      notes: [],
      vigilVersion: version(),
    }
    const chosen = mode ?? 'enforce'
    return {
      outcome: toOutcome(exitCode, verdict, chosen),
      mode: chosen,
      verdict,
      documents: [markdownReport(input)],
    }
  }
  const verdict = verdictSchema.safeParse(json.state === 'ok' ? json.value : undefined)
  if (!verdict.success)
    throw new UsageError(`${file}: expected the output of vigil gate, ab or probe with --json`)
  const facts = documentFacts.safeParse(verdict.data).data ?? {}
  const used = mode ?? facts.mode ?? 'enforce'
  return {
    outcome: toOutcome(exitCode, verdict.data, used),
    mode: used,
    verdict: verdict.data,
    documents: await readDocuments(verdict.data, facts),
    ...(facts.reports && { report: facts.reports.html }),
  }
}

/** The Markdown of the whole, then of the duets that did not pass; what is missing is written again. */
async function readDocuments(
  verdict: Verdict,
  { reports, duets = [], suites = [] }: z.infer<typeof documentFacts>,
): Promise<string[]> {
  const parts = [...duets, ...suites].filter((one) => suites.length > 0 || one.verdict !== 'pass')
  const wanted = [reports, ...parts.map((one) => one.reports)].flatMap((found) => found?.markdown ?? [])
  const texts = await Promise.all(wanted.map(async (path) => readIfPresent(path)))
  const found = texts.filter((text) => text !== undefined)
  return found.length > 0 ? found : [renderVerdict(verdict)]
}

/** A verdict alone as Markdown. */
export function renderVerdict(verdict: Verdict, title = 'result'): string {
  return markdownReport({ title, verdict, runs: [], notes: [], vigilVersion: version() })
}

const interruptions: ReadonlySet<number> = new Set([
  exitCodes.hungUp.code,
  exitCodes.interrupted.code,
  exitCodes.terminated.code,
])

/** An exit code that does not fit its verdict is no measurement: a disk that was full, a command killed. */
export function toOutcome(
  exitCode: number | undefined,
  verdict: Verdict | undefined,
  mode: GateMode,
): PublishedOutcome {
  if (exitCode === exitCodes.usageError.code) return 'usage-error'
  if (exitCode !== undefined && interruptions.has(exitCode)) return 'interrupted'
  if (verdict === undefined) return 'invalid'
  return exitCode === undefined || exitCodeOf(verdict.verdict, mode) === exitCode
    ? verdict.verdict
    : 'invalid'
}

/** The rows of a verdict that count for a job's outputs. */
export function countRows(verdict: Verdict | undefined, status: 'fail' | 'inconclusive'): number {
  return (verdict?.rows ?? []).filter((row) => row.status === status).length
}
