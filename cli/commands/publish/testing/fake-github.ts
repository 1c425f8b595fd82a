import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Ajv } from 'ajv'
import { z } from 'zod'

/** A comment, a check or a pull request as the fake keeps it. */
export type Item = { id: number } & Record<string, unknown>

/** An answer that a test puts in the place of the usual one; undefined: the usual one. */
export type Fault = (request: {
  method: string
  path: string
  count: number
}) => { status: number; headers?: Record<string, string>; message?: string; isDone?: boolean } | undefined

/** GitHub's API on loopback, with one repository. Every request is checked against GitHub's description. */
export interface FakeGitHub {
  url: string
  comments: Item[]
  checks: Item[]
  pulls: Map<number, unknown>
  /** `METHOD path`, in order. */
  requests: string[]
  /** Requests that GitHub's description does not allow. */
  violations: string[]
  fault: Fault | undefined
  addComment: (body: string, by?: { type: string; role: string }) => Item
  close: () => Promise<void>
}

const descriptionFile = new URL('./github-openapi.json', import.meta.url)
const parameter = z.looseObject({
  name: z.string(),
  in: z.enum(['path', 'query', 'header']),
  required: z.boolean().optional(),
  schema: z.record(z.string(), z.unknown()),
})
const operation = z.object({
  method: z.string(),
  path: z.string(),
  parameters: z.array(parameter),
  body: z.record(z.string(), z.unknown()).optional(),
})
const description = z.object({ source: z.string(), operations: z.array(operation) })
const ajv = new Ajv({
  strict: false,
  coerceTypes: false,
  formats: { 'date-time': true, uri: true, int64: true },
})
const token = 'ghs_fake'

const operations = description
  .parse(JSON.parse(readFileSync(descriptionFile, 'utf8')))
  .operations.map((one) => ({
    ...one,
    pattern: new RegExp(`^${one.path.replaceAll(/\{[^}]+\}/g, '([^/]+)')}$`),
    validate: one.body && ajv.compile(one.body),
  }))

/** What of a request GitHub's description does not allow. */
function findViolations(method: string, url: URL, body: unknown): string[] {
  const found = operations.find((one) => one.method === method && one.pattern.test(url.pathname))
  const place = `${method} ${url.pathname}`
  if (found === undefined) return [`${place}: no such operation`]
  const problems = found.parameters.flatMap(({ name, in: where, required, schema }, _, all) => {
    const names = all.filter((one) => one.in === 'path').map((one) => one.name)
    const text =
      where === 'path'
        ? found.pattern.exec(url.pathname)?.[names.indexOf(name) + 1]
        : url.searchParams.get(name)
    if (text === null || text === undefined) return required ? [`${place}: ${name} is missing`] : []
    const value = schema['type'] === 'integer' ? Number(text) : text
    return ajv.validate(schema, value) ? [] : [`${place}: ${name}: ${ajv.errorsText()}`]
  })
  const known = new Set(found.parameters.map(({ name }) => name))
  const unknown = [...url.searchParams.keys()].filter((name) => !known.has(name))
  if (found.validate && !found.validate(body))
    problems.push(`${place}: ${ajv.errorsText(found.validate.errors)}`)
  return [...problems, ...unknown.map((name) => `${place}: unknown parameter ${name}`)]
}

export async function startFakeGitHub(): Promise<FakeGitHub> {
  let nextId = 1000
  const counts = new Map<string, number>()
  const fake: FakeGitHub = {
    url: '',
    comments: [],
    checks: [],
    pulls: new Map(),
    requests: [],
    violations: [],
    fault: undefined,
    addComment: (body, { type, role } = { type: 'Bot', role: 'NONE' }) => {
      const added = { id: (nextId += 1), body, author_association: role, user: { type } }
      fake.comments.push(added)
      return added
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  const server = createServer((request, response) => void answer(request, response))
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString('utf8')
    const body: unknown = text === '' ? undefined : JSON.parse(text)
    const { method = '' } = request
    const url = new URL(request.url ?? '/', fake.url)
    const name = `${method} ${url.pathname}`
    fake.requests.push(name)
    fake.violations.push(...findViolations(method, url, body))
    if (request.headers.authorization !== `Bearer ${token}`) fake.violations.push(`${name}: no token`)
    counts.set(name, (counts.get(name) ?? 0) + 1)
    const fault = fake.fault?.({ method, path: url.pathname, count: counts.get(name) ?? 0 })
    const usual = fault === undefined || fault.isDone ? handle(method, url, body) : undefined
    const { status, headers, value } =
      fault === undefined && usual !== undefined
        ? usual
        : {
            status: fault?.status ?? 500,
            headers: fault?.headers ?? {},
            value: { message: fault?.message ?? 'no' },
          }
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(value === undefined ? '' : JSON.stringify(value))
  }
  const handle = (
    method: string,
    url: URL,
    body: unknown,
  ): { status: number; headers: Record<string, string>; value?: unknown } => {
    const fields = z.record(z.string(), z.unknown()).parse(body ?? {})
    const [, kind = '', last = ''] = /^\/repos\/o\/r\/(.*?)\/?([^/]*)$/.exec(url.pathname) ?? []
    const ok = (value: unknown, status = 200, headers = {}) => ({ status, headers, value })
    if (method === 'POST' && last === 'comments') return ok(fake.addComment(String(fields['body'])), 201)
    if (method === 'POST') {
      const check = { id: (nextId += 1), ...fields }
      fake.checks.push(check)
      return ok(check, 201)
    }
    if (method === 'GET' && last === 'comments') return paged(url, fake.comments)
    if (method === 'GET' && last === 'check-runs')
      return ok({ total_count: fake.checks.length, check_runs: fake.checks })
    if (method === 'GET' && kind === 'pulls') {
      const pull = fake.pulls.get(Number(last))
      return pull === undefined ? ok({ message: 'Not Found' }, 404) : ok(pull)
    }
    const items = kind === 'check-runs' ? fake.checks : fake.comments
    const index = items.findIndex(({ id }) => id === Number(last))
    const found = items[index]
    if (found === undefined) return ok({ message: 'Not Found' }, 404)
    if (method === 'DELETE') {
      items.splice(index, 1)
      return { status: 204, headers: {} }
    }
    return ok(Object.assign(found, fields))
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  fake.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return fake
}

/** A page of a list, with the links to the next and the last one. */
function paged(url: URL, items: readonly Item[]) {
  const size = Number(url.searchParams.get('per_page') ?? 30)
  const page = Number(url.searchParams.get('page') ?? 1)
  const last = Math.max(1, Math.ceil(items.length / size))
  const link = (number: number, rel: string): string => {
    const next = new URL(url)
    next.searchParams.set('page', String(number))
    return `<${next.href}>; rel="${rel}"`
  }
  const headers: Record<string, string> =
    page < last ? { link: [link(page + 1, 'next'), link(last, 'last')].join(', ') } : {}
  return { status: 200, headers, value: items.slice((page - 1) * size, page * size) }
}

const used = [
  ['post', '/repos/{owner}/{repo}/check-runs'],
  ['patch', '/repos/{owner}/{repo}/check-runs/{check_run_id}'],
  ['get', '/repos/{owner}/{repo}/commits/{ref}/check-runs'],
  ['get', '/repos/{owner}/{repo}/issues/{issue_number}/comments'],
  ['post', '/repos/{owner}/{repo}/issues/{issue_number}/comments'],
  ['patch', '/repos/{owner}/{repo}/issues/comments/{comment_id}'],
  ['delete', '/repos/{owner}/{repo}/issues/comments/{comment_id}'],
  ['get', '/repos/{owner}/{repo}/pulls/{pull_number}'],
] as const

/** The used operations of `generated/api.github.com.json` of @octokit/openapi, without their prose. */
function extract(file: string): z.infer<typeof description> {
  const all = z
    .looseObject({
      info: z.looseObject({ version: z.string() }),
      paths: z.record(z.string(), z.record(z.string(), z.looseObject({}))),
      components: z.looseObject({ parameters: z.record(z.string(), z.unknown()) }),
    })
    .parse(JSON.parse(readFileSync(file, 'utf8')))
  const reference = z.looseObject({ $ref: z.string() })
  const withoutProse = (text: unknown): unknown =>
    JSON.parse(
      JSON.stringify(text, (key, value: unknown) =>
        ['description', 'examples', 'example', 'x-github'].includes(key) && typeof value !== 'object'
          ? undefined
          : value,
      ),
    )
  return {
    source: `@octokit/openapi ${all.info.version}, generated/api.github.com.json`,
    operations: used.map(([method, path]) => {
      const found = all.paths[path]?.[method] ?? {}
      const parameters = z.array(z.unknown()).parse(found['parameters'] ?? [])
      const content = z
        .looseObject({
          content: z.looseObject({ 'application/json': z.looseObject({ schema: z.unknown() }) }),
        })
        .safeParse(found['requestBody'])
      const schema = content.data?.content['application/json'].schema
      return operation.parse(
        withoutProse({
          method: method.toUpperCase(),
          path,
          parameters: parameters.map((one) => {
            const name = reference.safeParse(one).data?.$ref.split('/').at(-1)
            return parameter
              .pick({ name: true, in: true, required: true, schema: true })
              .parse(name === undefined ? one : all.components.parameters[name])
          }),
          ...(schema !== undefined && { body: schema }),
        }),
      )
    }),
  }
}

// node fake-github.ts <api.github.com.json>: the package has 385 MB, its used part 20 KB.
if (import.meta.main)
  writeFileSync(descriptionFile, `${JSON.stringify(extract(process.argv[2] ?? ''), null, 2)}\n`)
