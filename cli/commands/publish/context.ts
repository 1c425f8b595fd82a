import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { jsonOf } from '../../../record/documents/index.ts'
import type { World } from '../../shared/world.ts'

/** What CI says about the change and about itself. */
export type CiContext = GitHubContext | GitLabContext | { kind: 'none'; note: string }

export interface GitHubContext {
  kind: 'github'
  apiUrl: string
  token: string | undefined
  /** `owner/name` */
  repository: string
  /** The commit that the check is about: the head of a pull request, not its merge. */
  headSha: string
  pullRequest: number | undefined
  /** Its token can only read. */
  isFork: boolean
  /** One attempt of one run of the workflow. */
  runKey: string
  runUrl: string
  summaryFile: string | undefined
  outputFile: string | undefined
  workspace: string
  /** Set in a workflow that runs after another one, whose commit is `headSha`. */
  completedRun: { headRepository: string | undefined; url: string; id: number } | undefined
}

export interface GitLabContext {
  kind: 'gitlab'
  apiUrl: string
  token: string | undefined
  project: string
  mergeRequest: number | undefined
  workspace: string
  runUrl: string
}

const eventSchema = z.looseObject({
  pull_request: z
    .looseObject({
      number: z.int().positive(),
      head: z.looseObject({ sha: z.string(), repo: z.looseObject({ full_name: z.string() }).nullable() }),
    })
    .exactOptional(),
  workflow_run: z
    .looseObject({
      id: z.int(),
      head_sha: z.string(),
      html_url: z.string(),
      head_repository: z.looseObject({ full_name: z.string() }).nullable(),
    })
    .exactOptional(),
})

/** Reads where a command runs from the variables of GitHub or GitLab. */
export async function readContext({ env, cwd }: Pick<World, 'env' | 'cwd'>): Promise<CiContext> {
  if (env['GITHUB_ACTIONS'] === 'true') return readGitHub(env, cwd)
  if (env['GITLAB_CI'] === 'true')
    return {
      kind: 'gitlab',
      apiUrl: env['CI_API_V4_URL'] ?? 'https://gitlab.com/api/v4',
      token: env['GITLAB_TOKEN'] || undefined,
      project: env['CI_PROJECT_ID'] ?? '',
      mergeRequest: Number(env['CI_MERGE_REQUEST_IID']) || undefined,
      workspace: env['CI_PROJECT_DIR'] ?? cwd,
      runUrl: env['CI_JOB_URL'] ?? '',
    }
  return {
    kind: 'none',
    note: 'neither GitHub (GITHUB_ACTIONS) nor GitLab (GITLAB_CI) runs this: nothing was published',
  }
}

async function readGitHub(env: NodeJS.ProcessEnv, cwd: string): Promise<CiContext> {
  const repository = env['GITHUB_REPOSITORY'] ?? ''
  const event = await readEvent(env['GITHUB_EVENT_PATH'])
  const { pull_request: pull, workflow_run: completed } = event
  const headSha = completed?.head_sha ?? pull?.head.sha ?? env['GITHUB_SHA'] ?? ''
  if (!/^[\w.-]+\/[\w.-]+$/.test(repository) || !/^[0-9a-f]{40,64}$/.test(headSha))
    return {
      kind: 'none',
      note: 'GITHUB_REPOSITORY and GITHUB_SHA: expected a repository and a commit: nothing was published',
    }
  const server = `${env['GITHUB_SERVER_URL'] ?? 'https://github.com'}/${repository}`
  const [id, attempt] = [env['GITHUB_RUN_ID'] ?? '0', env['GITHUB_RUN_ATTEMPT'] ?? '1']
  return {
    kind: 'github',
    apiUrl: (env['GITHUB_API_URL'] ?? 'https://api.github.com').replace(/\/+$/, ''),
    token: env['GITHUB_TOKEN'] || undefined,
    repository,
    headSha,
    pullRequest: pull?.number,
    isFork: pull !== undefined && pull.head.repo?.full_name !== repository,
    runKey: `${id}/${attempt}/${env['GITHUB_JOB'] ?? ''}`,
    runUrl: `${server}/actions/runs/${id}/attempts/${attempt}`,
    summaryFile: env['GITHUB_STEP_SUMMARY'] || undefined,
    outputFile: env['GITHUB_OUTPUT'] || undefined,
    workspace: env['GITHUB_WORKSPACE'] ?? cwd,
    completedRun: completed && {
      headRepository: completed.head_repository?.full_name,
      url: completed.html_url,
      id: completed.id,
    },
  }
}

async function readEvent(file: string | undefined): Promise<z.infer<typeof eventSchema>> {
  const text = file === undefined ? '{}' : await readFile(file, 'utf8').catch(() => '{}')
  const json = jsonOf(text)
  const parsed = eventSchema.safeParse(json.state === 'ok' ? json.value : {})
  return parsed.success ? parsed.data : {}
}
