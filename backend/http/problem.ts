/** An invalid field of a request and its path: `body.title`, `query.limit`, `body.create.3.title`. */
export interface InvalidField {
  at: string
  message: string
}

export interface ProblemOptions {
  detail: string
  headers?: Readonly<Record<string, string>>
  errors?: readonly InvalidField[]
  /** For logs, never for the caller. */
  reason?: string
  /** Overrides the status of the kind: an injected fault may have any. */
  status?: number
}

const problems = {
  'malformed-request': [400, 'The request is malformed'],
  unauthenticated: [401, 'A valid access token is required'],
  'wrong-credentials': [401, 'The credentials are not valid'],
  forbidden: [403, 'This is not allowed'],
  'not-found': [404, 'The resource does not exist'],
  'method-not-allowed': [405, 'The resource does not support this method'],
  timeout: [408, 'The request took too long to arrive'],
  conflict: [409, 'The request conflicts with the current state'],
  'changed-meanwhile': [412, 'The resource has changed'],
  'too-large': [413, 'The body is too large'],
  'unsupported-media-type': [415, 'The media type of the body is not supported'],
  invalid: [422, 'The request is not valid'],
  'locked-out': [423, 'The account is temporarily locked'],
  'too-many-requests': [429, 'Too many requests'],
  'headers-too-large': [431, 'The header fields are too large'],
  internal: [500, 'Internal error'],
  'injected-fault': [500, 'An injected fault'],
  unavailable: [503, 'The service is unavailable'],
} as const satisfies Record<string, readonly [status: number, title: string]>

export type ProblemKind = keyof typeof problems

/** Thrown anywhere below a handler; becomes an answer as defined by RFC 9457. */
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

/** Builds the problem document. */
export function buildProblemBody(problem: Problem, requestId: string): Record<string, unknown> {
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
