import { scaleLinear } from 'd3-scale'
import { axisNumber, chart, latencyDomain, line, logAxis, responsive, tip, words } from './charts/frame.ts'
import type { Margin, Size } from './charts/frame.ts'
import { element, html, page, text } from './markup.ts'
import type { Markup } from './markup.ts'

/** One metric of a series of runs, and what was found in it. */
export interface HistoryPicture {
  title: string
  /** Load and target. */
  conditions: string
  /** With its unit. */
  metric: string
  /** In order of time; without a value where a run measured nothing. */
  points: { label: string; value?: number }[]
  /** The first run after each change, and the levels on both sides. */
  changes: { index: number; before: number; after: number }[]
  /** `slope` relative for each run. */
  drifts: { from: number; to: number; before: number; slope: number }[]
  budget?: number
  /** A line each: changes, drifts, seasons. */
  findings: string[]
}

/** The history as one self-contained page: runs, their levels, drifts and changes. */
export function historyPage(pictures: readonly HistoryPicture[], writtenAt: string): string {
  return page('History - vigil', [
    html`<header class="top"><b>vigil</b> history</header>`,
    html`<main>
<h1>History</h1>
<p><span class="key level-key">level between changes</span>
<span class="key drift-key">drift</span> <span class="key event-key">change</span>
<span class="key budget-key">budget</span></p>
${pictures.map(section)}
</main>`,
    html`<footer><p>Written ${text(writtenAt)}. A point is a run.</p></footer>`,
  ])
}

function section(picture: HistoryPicture, index: number): Markup {
  const { title, conditions, metric, findings } = picture
  return html`<section class="run">
<h2>${text(title)}</h2>
<p class="quiet">${text(conditions)}</p>
<figure><figcaption>${text(metric)}</figcaption>
${responsive(`h${index}`, 260, (size, id, narrow) => draw(picture, size, id, narrow))}
</figure>
${
  findings.length === 0
    ? html`<p class="quiet">No change and no drift.</p>`
    : html`<ul>${findings.map((finding) => html`<li>${text(finding)}</li>`)}</ul>`
}
</section>`
}

function draw(picture: HistoryPicture, size: Size, id: string, narrow: boolean): Markup {
  const { title, metric, points, changes, drifts, budget, findings } = picture
  const margin: Margin = { top: 24, right: 12, bottom: 40, left: 52 }
  const x = scaleLinear([0, Math.max(1, points.length - 1)], [margin.left + 4, size.width - margin.right])
  const values = points.flatMap(({ value }) => (value === undefined ? [] : [value]))
  const fits = budget !== undefined && budget <= 3 * Math.max(...values, 0)
  const domain = latencyDomain(fits ? [...values, budget] : values)
  const y = logAxis(domain, size.height - margin.bottom, margin.top, 6)
  const every = Math.max(1, Math.ceil(points.length / (narrow ? 3 : 7)))
  const ticks = points.flatMap(({ label }, at) => (at % every === 0 ? [{ at: x(at), label }] : []))
  const plot = { size, margin, xTitle: 'Runs, oldest first', yTitle: metric, xTicks: ticks, yTicks: y.ticks }
  const description = findings.length === 0 ? 'No change and no drift.' : findings.join('. ')
  return chart({ id, title, description }, plot, [
    ...(fits
      ? [
          line('budget', margin.left, y.at(budget), size.width - margin.right, y.at(budget)),
          words(
            size.width - margin.right,
            y.at(budget) - 5,
            `budget ${axisNumber(budget)}`,
            'end',
            'budget-label',
          ),
        ]
      : []),
    ...points.flatMap(({ label, value }, at) =>
      value === undefined
        ? []
        : [
            element(
              'circle',
              { class: 'sample', cx: x(at), cy: y.at(value), r: points.length > 300 ? 1.5 : 2.2 },
              tip(`${label}: ${axisNumber(value)}`),
            ),
          ],
    ),
    ...levels(picture).map(({ from, to, value }) => line('series', x(from), y.at(value), x(to), y.at(value))),
    ...drifts
      .flatMap((drift) => driftLines(drift, changes))
      .map(({ from, to, first, last }) => line('drift', x(from), y.at(first), x(to), y.at(last))),
    ...changes.map(({ index }) =>
      line('event', x(index - 0.5), margin.top, x(index - 0.5), size.height - margin.bottom),
    ),
  ])
}

/** The level before each change and after the last, where no drift takes its place. */
function levels({ points, changes, drifts }: HistoryPicture): { from: number; to: number; value: number }[] {
  return changes
    .flatMap(({ index, before, after }, number) => {
      const last = changes[number + 1]
      const start = changes[number - 1]?.index ?? 0
      const until = { from: start, to: index - 1, value: before }
      return last === undefined ? [until, { from: index, to: points.length - 1, value: after }] : [until]
    })
    .filter((level) => drifts.every((drift) => drift.to <= level.from || drift.from >= level.to))
}

/** A drift as lines between the changes that it has on its way: it goes on from the level after each. */
function driftLines(
  { from, to, before, slope }: HistoryPicture['drifts'][number],
  changes: HistoryPicture['changes'],
): { from: number; to: number; first: number; last: number }[] {
  const inside = changes.filter(({ index }) => index > from && index < to)
  let factor = before
  return [...inside, undefined].map((change, number) => {
    const start = inside[number - 1]?.index ?? from
    const end = change === undefined ? to : change.index - 1
    const first = factor * (1 + slope) ** (start - from)
    const last = factor * (1 + slope) ** (end - from)
    // The levels around a change hold what the drift adds between their middles, too: close enough to draw.
    factor *= change === undefined ? 1 : change.after / change.before
    return { from: start, to: end, first, last }
  })
}
