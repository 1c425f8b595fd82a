import type { Budgets, Verdict } from '../../baselines/index.ts'
import { amount } from '../../baselines/index.ts'
import { countOf } from '../../record/index.ts'
import type { Endpoint } from '../../record/index.ts'
import type { RunReport } from '../input.ts'
import { figureHeadings, toStepFigures, cleanText, overall } from '../wording/index.ts'
import { percentileChart } from './charts/percentiles.ts'
import type { LatencyDomain } from './charts/frame.ts'
import { selectHighest, leftOut, name, scrolling } from './parts.ts'
import type { Detail } from './parts.ts'
import { describe, domainOf, percentileBudgets } from './run-charts.ts'
import { html, raw, text } from './markup.ts'
import type { Markup } from './markup.ts'

/** A step as the table and the small charts need it. */
interface Step {
  /** Cleaned for showing. */
  label: string
  endpoint: Endpoint
  budgets: Budgets
  figures: readonly string[]
  /** Metrics whose budget this step broke. */
  broken: ReadonlySet<string>
  /**
   * Metrics whose budget the overall run broke, where this step has no budget of its own and exceeds that
   * limit.
   */
  over: ReadonlySet<string>
}

const columnOf: Record<string, (typeof figureHeadings)[number]> = {
  requestsPerMinute: 'req/s',
  errorRate: 'errors %',
  p95Ms: 'p95 ms',
  p99Ms: 'p99 ms',
}

/** The figures of every step and of the overall run, and the curve of each step on shared axes. */
export function stepsPart(report: RunReport, detail: Detail, id: string): Markup {
  const steps = stepsOf(report)
  return html`${stepTable(report, steps, detail)}${multiples(steps, detail, id)}`
}

function stepsOf({ run, budgets, verdict }: RunReport): Step[] {
  const rows = toStepFigures(run)
  const whole = wholeRunBroken(verdict)
  const broken = Map.groupBy(
    verdict.rows.filter(({ status }) => status === 'fail'),
    ({ step }) => step,
  )
  const limits = budgets.steps ?? {}
  return Object.entries(run.endpoints).map(([step, endpoint], index) => {
    const own = (Object.hasOwn(limits, step) ? limits[step] : undefined) ?? {}
    return {
      label: cleanText(step, 120),
      endpoint,
      budgets: own,
      figures: rows[index]?.figures ?? [],
      broken: new Set((broken.get(step) ?? []).map(({ metric }) => metric)),
      over: new Set(
        compared.filter(
          (metric) =>
            whole.has(metric) &&
            own[metric] === undefined &&
            valueOf(endpoint, metric) >= (budgets[metric] ?? Infinity),
        ),
      ),
    }
  })
}

const compared = ['errorRate', 'p95Ms', 'p99Ms'] as const

function valueOf({ errorRate, latency }: Endpoint, metric: (typeof compared)[number]): number {
  return metric === 'errorRate' ? errorRate : latency[metric]
}

function wholeRunBroken({ rows }: Verdict): ReadonlySet<string> {
  return new Set(
    rows.filter(({ status, step }) => status === 'fail' && step === null).map(({ metric }) => metric),
  )
}

function rank({ broken, over, endpoint }: Step): number {
  return (broken.size > 0 ? 2e12 : over.size > 0 ? 1e12 : 0) + Math.min(endpoint.latency.p95Ms, 1e11)
}

function stepTable({ run, verdict }: RunReport, steps: readonly Step[], detail: Detail): Markup {
  const { shown, left } = selectHighest(steps, detail.steps, rank)
  const whole = wholeRunBroken(verdict)
  const total = toStepFigures(run).at(-1)?.figures ?? []
  const head = figureHeadings.map((heading) => html`<th scope="col" class="n">${text(heading)}</th>`)
  const table = html`<table class="steps"><caption>Figures of each step of ${text(
    cleanText(run.suite, 80),
  )}</caption><thead><tr><th scope="col">step</th>${head}</tr></thead><tbody>${shown.map(
    (step) => html`<tr><th scope="row">${name(step.label)}</th>${cells(step)}</tr>`,
  )}<tr class="total"><th scope="row">${text(overall)}</th>${cells({
    figures: total,
    broken: whole,
    over: new Set(),
  })}</tr></tbody></table>`
  const culprits = shown.some(({ over }) => over.size > 0)
  return html`${scrolling(`Steps of ${cleanText(run.suite, 80)}`, table)}${
    culprits &&
    html`<p class="quiet small under"><b class="high">Marked</b>: over the limit of the overall run.</p>`
  }${leftOut(left, 'step', 'steps', 'record.json', ', faster than these and within their budgets')}`
}

function cells({ figures, broken, over }: Pick<Step, 'figures' | 'broken' | 'over'>): Markup[] {
  const [bad, high] = [columnsOf(broken), columnsOf(over)]
  return figures.map((figure, index) => {
    const heading = figureHeadings[index] ?? ''
    const label = html`<span class="narrow-label">${text(heading)} </span>`
    const kind = bad.has(heading) ? ' bad' : high.has(heading) ? ' high' : ''
    return html`<td class="n${raw(kind)}">${label}${text(figure)}</td>`
  })
}

function columnsOf(metrics: ReadonlySet<string>): ReadonlySet<string> {
  return new Set(
    [...metrics].flatMap((metric) => (Object.hasOwn(columnOf, metric) ? (columnOf[metric] ?? []) : [])),
  )
}

function multiples(steps: readonly Step[], detail: Detail, id: string): Markup {
  const answered = steps.filter(({ endpoint }) => countOf(endpoint.histogram) > 0)
  if (answered.length < 2 || detail.multiples === 0) return raw('')
  const { shown, left } = selectHighest(answered, detail.multiples, rank)
  const domain = domainOf(
    shown.map(({ endpoint }) => endpoint.histogram),
    shown.flatMap(({ budgets }) => percentileBudgets(budgets)),
  )
  const samples = shown.reduce((most, { endpoint }) => Math.max(most, countOf(endpoint.histogram)), 0)
  return html`<p class="quiet small lead">Each step on the same log axes: milliseconds by percentile.</p>
<div class="multiples">${shown.map((step, index) =>
    multiple(step, domain, samples, `${id}-step-${index + 1}`),
  )}</div>${leftOut(left, 'step', 'steps', 'record.json', ', faster than these')}`
}

function multiple(
  { label, endpoint, budgets, broken }: Step,
  domain: LatencyDomain,
  samples: number,
  id: string,
): Markup {
  const lines = percentileBudgets(budgets)
  const { histogram, latency } = endpoint
  const caption = { id, title: `Latency of ${label} by percentile`, description: describe(histogram, lines) }
  const limit = budgets.p95Ms === undefined ? '' : `, budget < ${amount('ms', budgets.p95Ms)}`
  return html`<figure><figcaption><h4>${name(label)}</h4><span class="small${raw(
    broken.size > 0 ? ' over' : '',
  )}">p50 ${text(amount('ms', latency.p50Ms))}, p95 ${text(amount('ms', latency.p95Ms, budgets.p95Ms))}${text(
    limit,
  )}, p99 ${text(amount('ms', latency.p99Ms, budgets.p99Ms))}</span></figcaption>${percentileChart(caption, {
    histogram,
    budgets: lines,
    domain,
    samples,
    size: { width: 236, height: 150 },
    small: true,
  })}</figure>`
}
