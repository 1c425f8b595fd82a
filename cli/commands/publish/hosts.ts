import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { jsonOf } from '../../../record/documents/index.ts'
import { makeFolder, writeWhole } from '../../../record/store/index.ts'
import { composeComment, formatPublication, isCommentOf, toCheck } from '../../../reports/ci/index.ts'
import type { Annotation, Publication } from '../../../reports/ci/index.ts'
import {
  createApi,
  gitHubComments,
  gitLabNotes,
  putCheck,
  putComment,
  readPullRequest,
} from '../../../runtime/forge/index.ts'
import type { Api, CheckOutcome, CommentStore } from '../../../runtime/forge/index.ts'
import type { World } from '../../shared/world.ts'
import type { PublishOptions } from './command.ts'
import type { CiContext, GitHubContext, GitLabContext } from './context.ts'

/** What a code host is to show. */
export interface Post {
  publication: Publication
  annotations: readonly Annotation[]
  pullRequest: number | undefined
}

interface PostResult {
  /** What was shown, for the log. */
  note: string
  /** What could not be shown. */
  problems: string[]
  isCheckMissing: boolean
}

type PostOptions = Pick<PublishOptions, 'ciId' | 'comment' | 'out'>

const checkFile = 'check.json'
const checkSchema = z.object({ id: z.int(), run: z.string() })

/** Shows the check as in progress. Returns why it could not. */
export async function beginCheck(
  context: CiContext,
  { ciId, out }: PostOptions,
  world: World,
): Promise<string | undefined> {
  // For a fork another workflow creates the check, completed.
  if (context.kind !== 'github' || context.isFork) return undefined
  if (context.token === undefined) return missingToken('GITHUB_TOKEN')
  const put = await putCheck(gitHubApi(context, context.token, world), context.repository, {
    ...checkOf(context, ciId),
  })
  if (put.state === 'failed') return `the check was not created: ${put.reason}`
  const folder = resolve(world.cwd, out)
  await makeFolder(folder)
  await writeWhole(join(folder, checkFile), `${JSON.stringify({ id: put.id, run: context.runKey })}\n`)
  return undefined
}

/** Shows a result on the code host that the context names. Never throws for what the host answers. */
export async function postResult(
  post: Post,
  context: CiContext,
  options: PostOptions,
  world: World,
): Promise<PostResult> {
  switch (context.kind) {
    case 'github':
      return postToGitHub(post, context, options, world)
    case 'gitlab':
      return postToGitLab(post, context, options, world)
    case 'none':
      return { note: context.note, problems: [], isCheckMissing: true }
  }
}

async function postToGitHub(
  post: Post,
  context: GitHubContext,
  options: PostOptions,
  world: World,
): Promise<PostResult> {
  if (context.isFork)
    return {
      note: 'a fork can only read: another workflow publishes the artefact (vigil publish --from-fork)',
      problems: [],
      isCheckMissing: true,
    }
  if (context.token === undefined)
    return { note: '', problems: [missingToken('GITHUB_TOKEN')], isCheckMissing: true }
  const api = gitHubApi(context, context.token, world)
  const { publication, annotations } = post
  const result = {
    ...toCheck(publication),
    summary: formatPublication(publication),
    annotations,
  } satisfies CheckOutcome
  const [check, comment] = await Promise.all([
    putCheck(
      api,
      context.repository,
      { ...checkOf(context, options.ciId), result },
      await readCheckId(context, options, world),
    ),
    commentOnGitHub(api, post, context, options),
  ])
  const problems = [
    ...(check.state === 'failed' ? [`the check: ${check.reason}`] : []),
    ...(comment.state === 'failed' ? [`the comment: ${comment.reason}`] : []),
  ]
  const action = comment.state === 'ok' ? comment.action : 'not written'
  return {
    note: `published: check ${options.ciId} is ${result.conclusion}, comment ${action}`,
    problems,
    isCheckMissing: check.state === 'failed',
  }
}

type Commented = { state: 'ok'; action: string } | { state: 'failed'; reason: string }

async function commentOnGitHub(
  api: Api,
  { publication, pullRequest }: Post,
  context: GitHubContext,
  options: PostOptions,
): Promise<Commented> {
  if (pullRequest === undefined) return { state: 'ok', action: 'not needed: no pull request' }
  if (context.completedRun !== undefined) {
    const pull = await readPullRequest(api, context.repository, pullRequest)
    if (pull.state === 'failed') return pull
    const isSame =
      pull.headSha === context.headSha && pull.headRepository === context.completedRun.headRepository
    // The number is the fork's word; the commit is the event's.
    if (!isSame || !pull.isOpen)
      return {
        state: 'failed',
        reason: `pull request ${pullRequest} is closed, or not at ${context.headSha.slice(0, 12)}`,
      }
  }
  return writeComment(gitHubComments(api, context.repository, pullRequest), publication, options)
}

async function writeComment(
  store: CommentStore,
  publication: Publication,
  { ciId, comment: policy }: PostOptions,
): Promise<Commented> {
  if (policy === 'never') return { state: 'ok', action: 'not wanted' }
  return putComment(store, {
    isOurs: (body) => isCommentOf(ciId, body),
    compose: (last) => composeComment(publication, policy, last),
  })
}

async function postToGitLab(
  { publication }: Post,
  { apiUrl, token, project, mergeRequest }: GitLabContext,
  options: PostOptions,
  world: World,
): Promise<PostResult> {
  if (mergeRequest === undefined)
    return { note: 'no merge request: nothing was published', problems: [], isCheckMissing: true }
  if (token === undefined) return { note: '', problems: [missingToken('GITLAB_TOKEN')], isCheckMissing: true }
  const api = createApi({
    url: apiUrl.replace(/\/+$/, ''),
    headers: { 'private-token': token },
    token,
    signal: world.interrupted,
  })
  const noted = await writeComment(gitLabNotes(api, project, mergeRequest), publication, options)
  return noted.state === 'ok'
    ? { note: `published: note ${noted.action}`, problems: [], isCheckMissing: true }
    : { note: '', problems: [`the note: ${noted.reason}`], isCheckMissing: true }
}

function gitHubApi({ apiUrl }: GitHubContext, token: string, { interrupted }: World): Api {
  return createApi({
    url: apiUrl,
    headers: {
      accept: 'application/vnd.github+json',
      'x-github-api-version': '2022-11-28',
      authorization: `Bearer ${token}`,
    },
    token,
    signal: interrupted,
  })
}

function checkOf({ headSha, runKey, runUrl }: GitHubContext, name: string) {
  return { name, headSha, externalId: runKey, detailsUrl: runUrl }
}

/** Of the check that this job began; one of an earlier job in the same folder is not touched. */
async function readCheckId(
  { runKey }: GitHubContext,
  { out }: PostOptions,
  { cwd }: World,
): Promise<number | undefined> {
  const text = await readFile(join(resolve(cwd, out), checkFile), 'utf8').catch(() => '')
  const json = jsonOf(text)
  const parsed = checkSchema.safeParse(json.state === 'ok' ? json.value : undefined)
  return parsed.success && parsed.data.run === runKey ? parsed.data.id : undefined
}

function missingToken(name: string): string {
  return `${name} is not set: pass it to vigil publish, and only to it`
}
