import { basename, isAbsolute, join } from 'node:path'
import { isMap, isSeq, isScalar, parseDocument, visit } from 'yaml'
import type { YAMLMap, Document, Scalar } from 'yaml'

/** What replaces the addresses, files and intervals of production's configuration. */
export interface LocalPrometheusPlan {
  /** The configuration's path, for messages. */
  file: string
  /** The folder of its rule files. */
  folder: string
  /** Local address of each target and Alertmanager: `{ 'backend:8000': '127.0.0.1:41234' }`. */
  addresses: Readonly<Record<string, string>>
  /** Hosts that exist only in production (`grafana`); a job that has no other is left out. */
  absent?: readonly string[]
  /** The folder of the files with tokens and passwords. */
  secrets: string
  /** Intervals instead of production's, for tests and drills. */
  intervals?: { scrape?: string; evaluation?: string }
}

export type LocalPrometheus =
  | {
      state: 'ok'
      text: string
      /** Each target that is scraped, by its local address. */
      targets: { job: string; address: string }[]
      /** Absolute patterns. */
      ruleFiles: string[]
      /** Files of secrets that have to exist. */
      secretFiles: string[]
    }
  | { state: 'invalid'; reason: string }

/**
 * Production's own configuration; only addresses, paths and intervals change, so that the rest is what
 * production loads.
 */
export function localizePrometheus(text: string, plan: LocalPrometheusPlan): LocalPrometheus {
  const read = readYaml(text, plan.file)
  if (read.state === 'invalid') return read
  const { document } = read
  const root = document.contents
  const unknown: string[] = []
  for (const manager of isMap(root) ? mapsIn(root.get('alerting'), 'alertmanagers') : [])
    relocate(manager, plan, unknown)
  const jobs = mapsIn(root, 'scrape_configs')
  const targets = jobs.flatMap((job) => {
    const name = textAt(job, 'job_name')?.value ?? ''
    return relocate(job, plan, unknown).map((address) => ({ job: name, address }))
  })
  if (unknown.length > 0)
    return {
      state: 'invalid',
      reason: `${plan.file}: targets: found ${unknown.join(', ')}, which have no counterpart here`,
    }
  removeEmptyJobs(root, jobs)
  const ruleFiles = textsIn(root, 'rule_files').map(
    (rule) => (rule.value = join(plan.folder, isAbsolute(rule.value) ? basename(rule.value) : rule.value)),
  )
  const secretFiles = textsUnder(document, '_file').map(
    ({ value }) => (value.value = join(plan.secrets, basename(value.value))),
  )
  setIntervals(root, jobs, plan.intervals ?? {})
  return {
    state: 'ok',
    text: document.toString({ lineWidth: 0 }),
    targets,
    ruleFiles,
    secretFiles: [...new Set(secretFiles)],
  }
}

/** Replaces a job's targets by local addresses; returns these. */
function relocate(job: YAMLMap, plan: LocalPrometheusPlan, unknown: string[]): string[] {
  const written: string[] = []
  for (const group of mapsIn(job, 'static_configs')) {
    const list = group.get('targets', true)
    for (const target of textsIn(group, 'targets')) {
      const address = plan.addresses[target.value]
      if (address !== undefined) {
        target.value = address
        written.push(address)
      } else if (plan.absent?.includes(hostOf(target.value))) {
        if (isSeq(list)) list.items = list.items.filter((item) => item !== target)
      } else unknown.push(target.value)
    }
  }
  return written
}

function hostOf(target: string): string {
  return target.split(':')[0] ?? ''
}

function removeEmptyJobs(root: unknown, jobs: readonly YAMLMap[]): void {
  const list = isMap(root) ? root.get('scrape_configs', true) : undefined
  const empty = new Set(
    jobs.filter(
      (job) =>
        mapsIn(job, 'static_configs').length > 0 &&
        mapsIn(job, 'static_configs').every((group) => textsIn(group, 'targets').length === 0),
    ),
  )
  if (isSeq(list)) list.items = list.items.filter((item) => !(isMap(item) && empty.has(item)))
}

function setIntervals(
  root: unknown,
  jobs: readonly YAMLMap[],
  { scrape, evaluation }: { scrape?: string; evaluation?: string },
): void {
  const global = isMap(root) ? root.get('global') : undefined
  if (!isMap(global)) return
  if (evaluation !== undefined) global.set('evaluation_interval', evaluation)
  if (scrape === undefined) return
  global.set('scrape_interval', scrape)
  // A scrape may not take longer than its interval.
  global.set('scrape_timeout', scrape)
  for (const job of jobs) for (const key of ['scrape_interval', 'scrape_timeout']) job.delete(key)
}

/** A YAML document with its comments, or in one line why it is not YAML. */
export type YamlResult = { state: 'ok'; document: Document.Parsed } | { state: 'invalid'; reason: string }

export function readYaml(text: string, file: string): YamlResult {
  const document = parseDocument(text)
  const [error] = document.errors
  return error === undefined
    ? { state: 'ok', document }
    : { state: 'invalid', reason: `${file}: ${error.message.split('\n')[0] ?? 'not YAML'}` }
}

/** The maps in the list below a key; none when there is no list. */
export function mapsIn(parent: unknown, key: string): YAMLMap[] {
  const list = isMap(parent) ? parent.get(key, true) : undefined
  return isSeq(list) ? list.items.filter((item) => isMap(item)) : []
}

/** The texts in the list below a key, as nodes that can be changed. */
export function textsIn(parent: unknown, key: string): Scalar<string>[] {
  const list = isMap(parent) ? parent.get(key, true) : undefined
  return isSeq(list) ? list.items.filter((item): item is Scalar<string> => isText(item)) : []
}

export function textAt(parent: unknown, key: string): Scalar<string> | undefined {
  const value = isMap(parent) ? parent.get(key, true) : undefined
  return isText(value) ? value : undefined
}

/** Every text whose key ends in `ending`, at any depth. */
export function textsUnder(document: Document, ending: string): { key: string; value: Scalar<string> }[] {
  const found: { key: string; value: Scalar<string> }[] = []
  visit(document, {
    Pair: (_, { key, value }) => {
      if (isText(key) && key.value.endsWith(ending) && isText(value)) found.push({ key: key.value, value })
    },
  })
  return found
}

function isText(node: unknown): node is Scalar<string> {
  return isScalar(node) && typeof node.value === 'string'
}
