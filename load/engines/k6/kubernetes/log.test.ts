import { describe, expect, it } from 'vitest'
import type { KubernetesApi } from '../../../../runtime/kubernetes/index.ts'
import { followLog } from './log.ts'

/** An API server whose connections break after some lines. */
function apiWith(answers: string[][]): { api: KubernetesApi; paths: string[] } {
  const paths: string[] = []
  return {
    paths,
    api: {
      call: async () => ({ state: 'unavailable', reason: 'not used' }),
      follow: async (path, onLine) => {
        paths.push(path)
        for (const line of answers[paths.length - 1] ?? []) onLine(line)
        return { state: 'unavailable', reason: 'the connection broke' }
      },
    },
  }
}

describe('the log of a pod', () => {
  it('is read on where a connection broke, each line once', async () => {
    const first = ['2026-11-29T10:00:00.5Z a', '2026-11-29T10:00:00.51Z b']
    // The server sends the whole second again.
    const second = [...first, '2026-11-29T10:00:00.510000001Z c', '2026-11-29T10:00:01Z d']
    const { api, paths } = apiWith([first, second])
    const lines: string[] = []
    let over = false
    await followLog(
      { api, namespace: 'load', pod: 'p' },
      (line) => {
        lines.push(line)
        over = line === 'd'
      },
      () => over || paths.length > 1,
      new AbortController().signal,
      1,
    )
    expect(lines).toEqual(['a', 'b', 'c', 'd'])
    expect(paths[1]).toContain('&sinceTime=2026-11-29T10:00:00Z')
  })
})
