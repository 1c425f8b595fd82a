import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { startService } from '../cli/testing/service.ts'
import { codeOf, projectTest, root } from './testing/project.ts'

const script = z.looseObject({ script: z.array(z.string()) })

/** Runs the lines of a recipe in one shell, as those systems do. */
async function runRecipe(
  workspace: string,
  lines: readonly string[],
  env: Record<string, string>,
): Promise<[number | null, string]> {
  const child = spawn('sh', ['-ec', lines.filter((line) => line !== 'npm ci').join('\n')], {
    cwd: workspace,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text: Buffer) => void (log += text.toString()))
  return new Promise((resolve) => child.once('close', (code) => resolve([code, log])))
}

describe.concurrent('a recipe', () => {
  projectTest('of GitLab writes reports and one note, which is found again', async ({ project }) => {
    await project.checkOut()
    const notes: { id: number; body: string; system: boolean; author: { id: number } }[] = [
      { id: 1, body: '<!-- vigil:vigil fail -->\nof another user', system: false, author: { id: 8 } },
    ]
    const seen: string[] = []
    const gitlab = await startService((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        seen.push([request.method, request.url?.split('?')[0], request.headers['private-token']].join(' '))
        const body = z
          .object({ body: z.string() })
          .safeParse(JSON.parse(Buffer.concat(chunks).toString() || '{}'))
        const note = { id: 1 + notes.length, body: body.data?.body ?? '', system: false, author: { id: 3 } }
        if (request.method === 'POST') notes.push(note)
        if (request.method === 'PUT') Object.assign(notes[1] ?? {}, { body: note.body })
        response.end(
          JSON.stringify(request.url === '/user' ? { id: 3 } : request.method === 'GET' ? notes : note),
        )
      })
    })
    const template = z
      .looseObject({ vigil: script })
      .parse(parse(readFileSync(join(root, 'deploy/gitlab/vigil.gitlab-ci.yml'), 'utf8')))
    const env = {
      CI: 'true',
      GITLAB_CI: 'true',
      GITLAB_TOKEN: 'glpat-fake',
      CI_API_V4_URL: gitlab.url,
      CI_PROJECT_ID: '12',
      CI_MERGE_REQUEST_IID: '7',
      CI_PROJECT_DIR: project.workspace,
      VIGIL_CONFIG_FILE: 'vigil.config.ts',
    }
    try {
      const measured = await runRecipe(project.workspace, template.vigil.script, env)
      expect(measured[0], measured[1]).toBe(1)
      const again = await runRecipe(project.workspace, ['code=1', ...template.vigil.script.slice(-2)], env)
      expect(again[0], again[1]).toBe(1)
    } finally {
      await gitlab.close()
    }
    expect(seen).toContain('PUT /projects/12/merge_requests/7/notes/2 glpat-fake')
    expect(notes).toEqual([
      expect.objectContaining({ body: expect.stringContaining('of another user') }),
      expect.objectContaining({ body: expect.stringMatching(/^<!-- vigil:vigil fail -->/) }),
    ])
    expect(readFileSync(join(project.workspace, 'metrics.txt'), 'utf8')).toMatch(/^# TYPE .*[^]*# EOF\n$/)
  })

  projectTest('of Bitbucket leaves its JUnit report and ends with the exit code', async ({ project }) => {
    await project.checkOut()
    const text = codeOf('yaml').find((code) => code.startsWith('pipelines:')) ?? ''
    const step = z.object({ step: script })
    const pipelines = z
      .object({ pipelines: z.object({ 'pull-requests': z.object({ '**': z.tuple([step]) }) }) })
      .parse(parse(text)).pipelines['pull-requests']['**']
    const [code, log] = await runRecipe(project.workspace, pipelines[0].step.script, {
      CI: 'true',
      BITBUCKET_BUILD_NUMBER: '1',
    })
    expect(code, log).toBe(1)
    expect(readFileSync(join(project.workspace, 'test-results/junit.xml'), 'utf8')).toContain('<failure')
  })

  projectTest('of a plain shell prints the report and ends with the exit code', async ({ project }) => {
    await project.checkOut(200)
    const recipe = codeOf('sh').find((code) => code.includes('npx vigil gate')) ?? ''
    expect(recipe).toContain('--base origin/main')
    const [code, log] = await runRecipe(
      project.workspace,
      recipe.replace(' --base origin/main', '').split('\n'),
      {},
    )
    expect(code, log).toBe(0)
    expect(log).toContain('## vigil gate: PASS')
  })
})
