import { stripVTControlCharacters } from 'node:util'
import { z } from 'zod'
import { toOneLine } from '../../record/index.ts'
import type { FailureClass, StepResult } from '../../record/index.ts'
import type { Redact } from './redact.ts'

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

/** What a run of a spec came to. `unusable`: it says nothing of the target. */
export type SpecRun =
  | { state: 'unusable'; reason: string }
  | {
      state: 'ran'
      steps: StepResult[]
      durationMs: number
      attempts: number
      failed: StepResult | undefined
      /** What attempts before the last one failed with, oldest first. */ earlier: StepResult[]
      /** Files that the last failed attempt left. */ left: { name: string; path: string }[]
    }

/** Reads Playwright's JSON report. Its messages may hold what the target said, and secrets. */
export function readReport(text: string, redact: Redact): SpecRun {
  const report = reportShape.safeParse(parsed(text))
  if (!report.success) return { state: 'unusable', reason: 'Playwright left no report that can be read' }
  const tests = testsOf(report.data.suites).filter(({ status }) => status !== 'skipped')
  const said = (message: string): string =>
    toOneLine(redact(stripVTControlCharacters(message)).replace(/^\w*Error: /, ''))
  const [error] = report.data.errors
  if (tests.length === 0)
    return {
      state: 'unusable',
      reason: error
        ? `the spec could not be run: ${said(error.message)}`
        : 'the spec has no test that was run',
    }
  const last = tests
    .map((test) => ({ ...test, result: test.results.at(-1) }))
    .flatMap(({ title, results, result }) => (result ? [{ title, results, result }] : []))
  const launch = last
    .flatMap(({ result }) => result.errors)
    .find(({ message }) => /browserType\.launch|Executable doesn't exist/.test(message))
  if (launch)
    return {
      state: 'unusable',
      reason: `no browser could be started here: ${said(report.data.config?.metadata?.missingBrowser ?? launch.message)}`,
    }
  if (last.some(({ result }) => result.status === 'interrupted'))
    return { state: 'unusable', reason: 'interrupted before it was done' }
  const steps = last.flatMap(({ title, result }) => stepsOf(title, result, last.length > 1, said))
  const earlier = last.flatMap(({ title, results }) =>
    results
      .slice(0, -1)
      .flatMap((before) => stepsOf(title, before, last.length > 1, said).filter(({ ok }) => !ok)),
  )
  const left = last
    .flatMap(({ result }) => (result.status === 'passed' ? [] : result.attachments))
    .flatMap(({ name, path }) => (path === undefined ? [] : [{ name, path }]))
  return {
    state: 'ran',
    steps,
    durationMs: steps.reduce((sum, { durationMs }) => sum + durationMs, 0),
    attempts: Math.max(...last.map(({ results }) => results.length)),
    failed: steps.find(({ ok }) => !ok),
    earlier,
    left,
  }
}

function testsOf(suites: readonly Suite[]): { title: string; status: string; results: Result[] }[] {
  return suites.flatMap((suite) => [
    ...suite.specs.flatMap(({ title, tests }) => tests.map((test) => ({ title, ...test }))),
    ...testsOf(suite.suites ?? []),
  ])
}

// The steps that the spec names; where it failed outside of them, or names none, the test itself.
function stepsOf(
  title: string,
  { status, duration, errors, steps }: Result,
  several: boolean,
  said: (message: string) => string,
): StepResult[] {
  const own = nameOf(title)
  const named = steps.map(({ title: step, duration: durationMs, error }) =>
    outcomeOf(several ? `${own}.${nameOf(step)}` : nameOf(step), durationMs, error?.message, said),
  )
  if (status === 'passed' ? named.length > 0 : named.some(({ ok }) => !ok)) return named
  const spentMs = steps.reduce((sum, step) => sum + step.duration, 0)
  return [
    ...named,
    outcomeOf(
      own,
      Math.max(0, duration - spentMs),
      status === 'passed' ? undefined : (errors[0]?.message ?? `ended as ${status ?? 'unknown'}`),
      said,
    ),
  ]
}

function outcomeOf(
  step: string,
  durationMs: number,
  message: string | undefined,
  said: (message: string) => string,
): StepResult {
  return message === undefined
    ? { step, ok: true, status: 0, durationMs }
    : { step, ok: false, status: 0, durationMs, class: classOf(message), message: said(message) }
}

function classOf(message: string): FailureClass {
  const code = /\bnet::ERR_([A-Z_]+)/.exec(message)?.[1]
  if (code === undefined) return /Test timeout of|TimeoutError/.test(message) ? 'timeout' : 'check'
  if (/^(?:NAME_|DNS_)/.test(code)) return 'dns'
  if (/^(?:CERT_|SSL_|BAD_SSL)/.test(code)) return 'tls'
  if (code === 'TOO_MANY_REDIRECTS') return 'redirect'
  return code.includes('TIMED_OUT') ? 'timeout' : 'connect'
}

// As the names of a journey's steps: they become metric labels and record keys.
function nameOf(title: string): string {
  return (
    title
      .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
      .replaceAll(/^[^A-Za-z0-9]+|-+$/g, '')
      .slice(0, 64) || 'unnamed'
  )
}

function parsed(text: string): unknown {
  try {
    const json: unknown = JSON.parse(text)
    return json
  } catch {
    return undefined
  }
}
