import { AnnotationQueryBuilder } from '@grafana/grafana-foundation-sdk/dashboard'
import type { AnnotationQuery } from '@grafana/grafana-foundation-sdk/dashboard'
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import { prometheus } from './panels/index.ts'

export type AnnotationBuilder = Builder<AnnotationQuery>

/** The start of a process is a deployment, or a crash: the same question either way. */
export function deployments(): AnnotationBuilder {
  return moment(
    'Starts of the API',
    'blue',
    'process_start_time_seconds{job="todo-backend"} * 1000',
    'API started',
    '{{instance}}',
  )
}

/** Verdicts of load runs at the moment when the run began, with the revision that was judged. */
export function verdicts(): AnnotationBuilder {
  const facts =
    '(vigil_run_verdict == 1) * on (suite, environment, engine) group_left (revision) vigil_run_info'
  const when = `${facts} * on (suite, environment, engine) group_left () (vigil_run_started_timestamp_seconds * 1000)`
  return moment(
    'Verdicts of load runs',
    'purple',
    when,
    'Load run {{suite}}: {{verdict}}',
    'revision {{revision}}, {{engine}}',
  )
}

/** While an alert fires: Grafana joins the samples that follow each other to a stretch. */
export function alerts(): AnnotationBuilder {
  return base(
    'Alerts',
    'red',
    'ALERTS{alertstate="firing", alertname!="Watchdog"}',
    '{{alertname}}',
    '{{severity}}: {{instance}} {{route}}',
  ).step('60s')
}

/** An event whose time, in milliseconds since 1970, is the value of the series. */
function moment(
  name: string,
  colour: string,
  expr: string,
  title: string,
  text: string,
): AnnotationQueryBuilder {
  return base(name, colour, expr, title, text).useValueForTime(true)
}

function base(
  name: string,
  colour: string,
  expr: string,
  title: string,
  text: string,
): AnnotationQueryBuilder {
  return new AnnotationQueryBuilder()
    .name(name)
    .datasource(prometheus)
    .enable(true)
    .hide(false)
    .iconColor(colour)
    .expr(expr)
    .titleFormat(title)
    .textFormat(text)
}
