import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { startHttpService } from '../../receivers/index.ts'
import type { HttpRequest, HttpService } from '../../receivers/index.ts'
import { createFaultInjection, checkFaultInjection } from './service-under-test.ts'

const signal = new AbortController().signal
let service: HttpService
let requests: HttpRequest[] = []
let status = 200

beforeAll(async () => {
  service = await startHttpService((request) => {
    requests.push(request)
    return { status, type: 'application/json', body: '{}' }
  })
})
afterAll(async () => service.stop())
beforeEach(() => {
  requests = []
  status = 200
})

const sentRules = (): unknown[] =>
  requests.map(({ method, body }) =>
    method === 'PUT' ? (JSON.parse(body) as { rules: unknown }).rules : method,
  )

it('sends the faults of all drills together, after each change', async () => {
  const faults = createFaultInjection(service.url, 'token', signal)
  const removeFirst = await faults.add([{ dbDown: true }])
  const removeSecond = await faults.add([{ status: 500, route: 'GET /x' }])
  await removeFirst()
  await removeSecond()
  await faults.clear()
  expect(sentRules()).toEqual([
    [{ dbDown: true }],
    [{ dbDown: true }, { status: 500, route: 'GET /x' }],
    [{ status: 500, route: 'GET /x' }],
    [],
    'DELETE',
  ])
  expect(requests[0]?.headers.authorization).toBe('Bearer token')
})

it('sends a time to live, in case nothing removes the faults', async () => {
  await createFaultInjection(service.url, 'token', signal).add([{ dbDown: true }])
  expect(JSON.parse(requests[0]?.body ?? '')).toMatchObject({ ttlSeconds: 180 })
})

it('removes a fault that the service rejected', async () => {
  const faults = createFaultInjection(service.url, 'token', signal)
  status = 422
  await expect(faults.add([{ latencyMs: -1 }])).rejects.toThrow('the service rejected a fault: 422')
  status = 200
  await faults.add([{ dbDown: true }])
  expect(sentRules()).toEqual([[{ latencyMs: -1 }], [{ dbDown: true }]])
})

it('explains what a service without fault injection needs', async () => {
  expect(await checkFaultInjection(service.url, 'token', signal)).toBeUndefined()
  status = 404
  expect(await checkFaultInjection(service.url, 'token', signal)).toContain(
    'has no fault injection (GET /_faults returned 404): start it with FAULTS_TOKEN',
  )
  expect(await checkFaultInjection('http://127.0.0.1:9', 'token', signal)).toContain(
    'the service at http://127.0.0.1:9',
  )
})
