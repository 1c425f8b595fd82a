import type { FailureClass, Run } from '../../record/index.ts'
import type { ReportInput, RunReport } from '../input.ts'
import { answeredIn, duration } from './figure.ts'
import { plain, plainUrl } from './plain.ts'

/** What to do next when a verdict is not one that can be acted on by itself; one sentence each, none twice. */
export function adviceOf(input: ReportInput): string[] {
  const sentences = input.runs.flatMap(adviceOfRun)
  const known = new Set(input.runs.map(({ run }) => run.suite))
  const elsewhere = input.verdict.rows.filter((row) => row.suite === undefined || !known.has(row.suite))
  if (elsewhere.some((row) => row.rule === 'probe' && row.status === 'inconclusive')) sentences.push('a probe could not be judged: run it again with vigil probe --once; if it stays unknown, look at the machine that probes, not at the service')
  if (sentences.length === 0 && elsewhere.some((row) => row.status === 'invalid')) sentences.push('mend what the invalid row names; vigil doctor shows which tools and limits this machine has')
  if (sentences.length === 0 && input.verdict.verdict === 'invalid') sentences.push('nothing was judged: name suites with budgets, or probes, in the config')
  return [...new Set(sentences)]
}

function adviceOfRun({ run, verdict }: RunReport): string[] {
  const word = verdict.verdict
  if (word === 'invalid') return [invalidAdvice(run)]
  if (word === 'inconclusive') return [`measure ${plain(run.suite)} longer than ${duration(run.durationMs)} (--duration) or at a higher load; the row says how many requests it needs`]
  return []
}

const unreachable: Partial<Record<FailureClass, string>> = {
  dns: 'its name does not resolve from this machine',
  connect: 'nothing accepts connections there: is the service up, and is this its port?',
  tls: 'its certificate is not accepted: check its expiry, its issuer and the host name in it',
  timeout: 'it accepts requests and does not answer: look at what it waits for (database, locks, pool)',
  redirect: 'it redirects, mostly to a login page: check the path and the credentials of the journey',
}

function invalidAdvice(run: Run): string {
  const { cpuRatio, droppedArrivals } = run.generator ?? {}
  if (answeredIn(run) === 0) {
    const first = (run.failures ?? []).toSorted((a, b) => b.count - a.count)[0]
    const why = first ? unreachable[first.class] : undefined
    return `${plainUrl(run.target.url)} answered nothing${why === undefined ? ': check that it is up and that the suite has journeys to run' : `: ${why}`}`
  }
  if ((cpuRatio ?? 0) > 0.7 || (droppedArrivals ?? 0) > 0) return `the generator, not the target, was the limit in ${plain(run.suite)}: lower the load, give it a machine of its own, or spread it with --shards; this run says nothing about the target`
  return `measure ${plain(run.suite)} again once the reason above is mended; vigil doctor shows whether this machine is fit to measure`
}
