import { stripVTControlCharacters } from 'node:util'
import { z } from 'zod'
import { jsonOf } from '../../record/documents/index.ts'
import { createNameFitter, toOneLine } from '../../record/index.ts'
import type { FailureClass, StepResult } from '../../record/index.ts'
import type { Redact } from '../../journeys/index.ts'

// As long as a journey's step names: they become metric labels and record keys.
const maxNameLength = 64

const errorShape = z.object({ message: z.string().default('') })
const stepShape = z.object({ title: z.string(), duration: z.number(), error: errorShape.optional() })
const resultShape = z.object({
  status: z.enum(['passed', 'failed', 'timedOut', 'skipped', 'interrupted']).optional(),
  duration: z.number(),
  errors: z.array(errorShape).default([]),
  steps: z.array(stepShape).default([]),
  attachments: z.array(z.object({ name: z.string(), path: z.string().optional() })).default([]),
})
const specShape = z.object({
  title: z.string(),
  tests: z.array(
    z.object({
      status: z.enum(['expected', 'unexpected', 'flaky', 'skipped']),
      results: z.array(resultShape),
    }),
  ),
})
const suiteShape = z.object({
  specs: z.array(specShape).default([]),
  get suites() {
    return z.array(suiteShape).optional()
  },
})
const reportShape = z.object({
  suites: z.array(suiteShape).default([]),
  errors: z.array(errorShape).default([]),
  config: z.object({ metadata: z.object({ missingBrowser: z.string().optional() }).optional() }).optional(),
})

type Suite = z.infer<typeof suiteShape>
type Result = z.infer<typeof resultShape>

/** The result of a spec's run. `unavailable`: it says nothing about the target. */
export type SpecRun =
  | { state: 'unavailable'; reason: string }
  | {
      state: 'ok'
      steps: StepResult[]
      durationMs: number
      attempts: number
      failed: StepResult | undefined
      /** The failures of the attempts before the last one, oldest first. */
      earlier: StepResult[]
      /** Files of the last failed attempt. */
      artefacts: { name: string; path: string }[]
    }

/** Reads Playwright's JSON report. Its messages may contain text of the target, and secrets. */
export function readReport(text: string, redact: Redact): SpecRun {
  const json = jsonOf(text)
  const report = reportShape.safeParse(json.state === 'ok' ? json.value : undefined)
  if (!report.success) return { state: 'unavailable', reason: 'Playwright wrote no readable report' }
  const tests = findTests(report.data.suites).filter(({ status }) => status !== 'skipped')
  const clean = (message: string): string =>
    toOneLine(redact(stripVTControlCharacters(message)).replace(/^\w*Error: /, ''))
  const [error] = report.data.errors
  if (tests.length === 0)
    return {
      state: 'unavailable',
      reason: error ? `the spec could not run: ${clean(error.message)}` : 'the spec ran no test',
    }
  const last = tests
    .map((test) => ({ ...test, result: test.results.at(-1) }))
    .flatMap(({ title, results, result }) => (result ? [{ title, results, result }] : []))
  const launch = last
    .flatMap(({ result }) => result.errors)
    .find(({ message }) => /browserType\.launch|Executable doesn't exist/.test(message))
  if (launch)
    return {
      state: 'unavailable',
      reason:
        'no browser could be started on this machine: ' +
        clean(report.data.config?.metadata?.missingBrowser ?? launch.message),
    }
  if (last.some(({ result }) => result.status === 'interrupted'))
    return { state: 'unavailable', reason: 'interrupted before it was done' }
  const reading: Reading = { clean, fit: createNameFitter(maxNameLength), several: last.length > 1 }
  const steps = last.flatMap(({ title, result }) => toStepResults(title, result, reading))
  const earlier = last.flatMap(({ title, results }) =>
    results.slice(0, -1).flatMap((before) => toStepResults(title, before, reading).filter(({ ok }) => !ok)),
  )
  const artefacts = last
    .flatMap(({ result }) => (result.status === 'passed' ? [] : result.attachments))
    .flatMap(({ name, path }) => (path === undefined ? [] : [{ name, path }]))
  return {
    state: 'ok',
    steps,
    durationMs: steps.reduce((sum, { durationMs }) => sum + durationMs, 0),
    attempts: Math.max(...last.map(({ results }) => results.length)),
    failed: steps.find(({ ok }) => !ok),
    earlier,
    artefacts,
  }
}

function findTests(suites: readonly Suite[]): { title: string; status: string; results: Result[] }[] {
  return suites.flatMap((suite) => [
    ...suite.specs.flatMap(({ title, tests }) => tests.map((test) => ({ title, ...test }))),
    ...findTests(suite.suites ?? []),
  ])
}

/** What all steps of a report are read with. */
interface Reading {
  /** A message without secrets, on one line. */
  clean: (message: string) => string
  fit: (texts: readonly string[]) => string
  /** Whether the spec has several tests, so that the names of its steps need theirs. */
  several: boolean
}

// The named steps of the spec. If it failed outside of them, or has none, the test itself is a step.
function toStepResults(
  title: string,
  { status, duration, errors, steps }: Result,
  { clean, fit, several }: Reading,
): StepResult[] {
  const own = fit([title])
  const named = steps.map(({ title: step, duration: durationMs, error }) =>
    toStepResult(fit(several ? [title, step] : [step]), durationMs, error?.message, clean),
  )
  if (status === 'passed' ? named.length > 0 : named.some(({ ok }) => !ok)) return named
  const spentMs = steps.reduce((sum, step) => sum + step.duration, 0)
  return [
    ...named,
    toStepResult(
      own,
      Math.max(0, duration - spentMs),
      status === 'passed' ? undefined : (errors[0]?.message ?? `ended as ${status ?? 'unknown'}`),
      clean,
    ),
  ]
}

function toStepResult(
  step: string,
  durationMs: number,
  message: string | undefined,
  clean: (message: string) => string,
): StepResult {
  return message === undefined
    ? { step, ok: true, status: 0, durationMs }
    : { step, ok: false, status: 0, durationMs, class: classifyMessage(message), message: clean(message) }
}

function classifyMessage(message: string): FailureClass {
  const code = /\bnet::ERR_([A-Z_]+)/.exec(message)?.[1]
  if (code === undefined) return /Test timeout of|TimeoutError/.test(message) ? 'timeout' : 'check'
  if (/^(?:NAME_|DNS_)/.test(code)) return 'dns'
  if (/^(?:CERT_|SSL_|BAD_SSL)/.test(code)) return 'tls'
  if (code === 'TOO_MANY_REDIRECTS') return 'redirect'
  return code.includes('TIMED_OUT') ? 'timeout' : 'connect'
}
