/** One thing that is wrong with a request, by where it is: `body.title`, `query.limit`, `body.create.3.title`. */
export interface Flaw {
  at: string
  message: string
}

export interface ProblemOptions {
  detail: string
  headers?: Readonly<Record<string, string>>
  errors?: readonly Flaw[]
  /** For logs and metrics, never for the caller. */
  reason?: string
  /** In place of the kind's own: a fault may have any. */
  status?: number
}

const problems = {
  'malformed-request': [400, 'The request is malformed'],
  unauthenticated: [401, 'A valid access token is needed'],
  'wrong-credentials': [401, 'The credentials are not valid'],
  forbidden: [403, 'This is not allowed'],
  'not-found': [404, 'There is no such resource'],
  'method-not-allowed': [405, 'The resource does not have this method'],
  timeout: [408, 'The request took too long to arrive'],
  conflict: [409, 'The request is in conflict with the present state'],
  'changed-meanwhile': [412, 'The resource has changed'],
  'too-large': [413, 'The body is too large'],
  'unsupported-media-type': [415, 'The body has an unsupported type'],
  invalid: [422, 'The request is not valid'],
  'locked-out': [423, 'The account is locked for a while'],
  'too-many-requests': [429, 'Too many requests'],
  'headers-too-large': [431, 'The header fields are too large'],
  internal: [500, 'Something went wrong on our side'],
  'injected-fault': [500, 'A fault is switched on'],
  unavailable: [503, 'The service cannot answer now'],
} as const satisfies Record<string, readonly [status: number, title: string]>

export type ProblemKind = keyof typeof problems

/** Thrown anywhere under a handler; becomes an answer as RFC 9457 describes it. */
export class Problem extends Error {
  override name = 'Problem'
  readonly kind: ProblemKind
  readonly options: ProblemOptions

  constructor(kind: ProblemKind, options: ProblemOptions) {
    super(options.reason ?? options.detail)
    this.kind = kind
    this.options = options
  }

  get status(): number {
    return this.options.status ?? problems[this.kind][0]
  }
}

/** The document itself. */
export function problemBody(problem: Problem, requestId: string): Record<string, unknown> {
  const [, title] = problems[problem.kind]
  const { status } = problem
  const { detail, errors } = problem.options
  return {
    type: `urn:todo:problem:${problem.kind}`,
    title,
    status,
    detail,
    requestId,
    ...(errors && { errors }),
  }
}
