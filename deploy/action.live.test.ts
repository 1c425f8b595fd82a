import { existsSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { head, projectTest } from './testing/project.ts'

const pullRequest = (from: string): object => ({
  pull_request: { number: 7, head: { sha: head, repo: { full_name: from } } },
})

describe.concurrent('a job with the action', () => {
  projectTest(
    'gates a pull request: check, comment, summary, outputs, exit code',
    async ({ project: { checkOut, github, runJob } }) => {
      await checkOut()
      const job = await runJob({}, pullRequest('o/r'))
      expect(
        job.steps.map(({ code }) => code),
        job.log,
      ).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
      expect(job.outputs).toMatchObject({ verdict: 'fail', 'exit-code': '1', 'rows-inconclusive': '0' })
      expect(existsSync(job.outputs['report'] ?? '')).toBe(true)
      expect(github.checks).toEqual([
        expect.objectContaining({
          head_sha: head,
          conclusion: 'failure',
          output: expect.objectContaining({
            annotations: expect.arrayContaining([
              expect.objectContaining({ path: 'journeys.mjs', start_line: 5 }),
            ]),
          }),
        }),
      ])
      expect(github.comments).toHaveLength(1)
      expect(job.summary).toContain('FAIL')
    },
  )

  projectTest('passes in silence', async ({ project: { checkOut, github, runJob } }) => {
    await checkOut(200)
    const job = await runJob({ 'max-minutes': '3', suites: ' closed ', mode: 'enforce' }, pullRequest('o/r'))
    expect([job.isSuccess, job.outputs['verdict']], job.log).toEqual([true, 'pass'])
    expect([github.checks[0]?.['conclusion'], github.comments]).toEqual(['success', []])
  })

  projectTest(
    'measures a fork without its token, and a second workflow publishes what it left',
    async ({ project: { checkOut, github, runJob } }) => {
      await checkOut()
      const job = await runJob({ mode: 'advisory' }, pullRequest('stranger/r'))
      expect([job.isSuccess, github.requests], job.log).toEqual([true, []])
      expect(job.log).toContain('::warning file=journeys.mjs,line=5')
      github.pulls.set(7, { state: 'open', head: { sha: head, repo: { full_name: 'stranger/r' } } })
      const completed = {
        id: 5,
        head_sha: head,
        html_url: 'https://github.example/5',
        head_repository: { full_name: 'stranger/r' },
      }
      const published = await runJob({ 'from-fork': '.vigil' }, { workflow_run: completed })
      expect(published.isSuccess, published.log).toBe(true)
      expect(github.checks).toEqual([expect.objectContaining({ conclusion: 'neutral', head_sha: head })])
      expect(github.comments).toHaveLength(1)
    },
  )

  projectTest('takes no input as code', async ({ project: { checkOut, github, runJob, workspace } }) => {
    await checkOut()
    const bad = '$(touch pwned)"; touch pwned; `touch pwned` #'
    const job = await runJob({ config: bad, suites: bad, base: bad, command: 'gate' }, pullRequest('o/r'))
    expect([job.isSuccess, job.outputs['exit-code']], job.log).toEqual([false, '2'])
    const other = await runJob({ command: bad }, pullRequest('o/r'))
    expect([other.isSuccess, other.outputs['exit-code']], other.log).toEqual([false, '2'])
    expect(existsSync(join(workspace, 'pwned'))).toBe(false)
    expect(github.checks.map((check) => check['conclusion'])).toEqual(['failure', 'failure'])
  })

  projectTest(
    'without the history of the base and without an origin ends with 4 and how to mend it',
    async ({ project: { checkOut, github, runJob, top } }) => {
      await checkOut(200)
      renameSync(join(top, 'origin'), join(top, 'gone'))
      const job = await runJob({ command: 'ab', base: 'origin/main' }, pullRequest('o/r'))
      expect([job.isSuccess, job.outputs['exit-code']], job.log).toEqual([false, '4'])
      expect(JSON.stringify(github.checks)).toMatch(/not measured: .*fetch-depth: 0/)
    },
  )

  projectTest(
    'keeps its verdict when GitHub is down',
    async ({ project: { checkOut, github, runJob, workspace } }) => {
      await checkOut()
      await github.close()
      const job = await runJob({}, pullRequest('o/r'))
      expect([job.outputs['verdict'], job.outputs['exit-code']], job.log).toEqual(['fail', '1'])
      expect(job.summary).toContain('FAIL')
      expect(readFileSync(join(workspace, '.vigil/publication.json'), 'utf8')).toContain('"fail"')
    },
  )
})
