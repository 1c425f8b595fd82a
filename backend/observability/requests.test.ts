import { expect, test } from 'vitest'
import { createScope } from '../http/scope.ts'
import { createLog } from './logs.ts'
import { createMetrics, observeRequests } from './registry.ts'

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'SEARCH', 'M-SEARCH']

test('unsupported methods of a route share one series', async () => {
  const metrics = createMetrics()
  const observer = observeRequests(metrics, createLog({ level: 'silent' }).log)
  for (const method of methods) {
    const scope = createScope({ method, requestId: undefined, traceparent: undefined, address: '127.0.0.1' })
    scope.route = '/tasks'
    observer.requestStarted(scope)
    observer.requestDone(
      scope,
      method === 'GET' || method === 'HEAD' ? 200 : method === 'OPTIONS' ? 204 : 405,
      0.001,
    )
  }
  const { values } = await metrics.httpRequests.get()
  expect(values.map(({ labels, value }) => [labels.method, labels.status, value])).toEqual([
    ['GET', '200', 2],
    ['other', '405', 7],
    ['other', '204', 1],
  ])
})
