import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { startHttpService } from '../../receivers/index.ts'
import type { HttpRequest, HttpService } from '../../receivers/index.ts'
import { createFaultInjection, checkFaultInjection } from './fault-injection.ts'

const signal = new AbortController().signal
let service: HttpService
let heard: HttpRequest[] = []
let status = 200

beforeAll(async () => {
  service = await startHttpService((request) => {
    heard.push(request)
    return { status, type: 'application/json', body: '{}' }
  })
})
afterAll(async () => service.stop())
beforeEach(() => {
  heard = []
  status = 200
})

const rulesTold = (): unknown[] =>
  heard.map(({ method, body }) =>
    method === 'PUT' ? (JSON.parse(body) as { rules: unknown }).rules : method,
  )

it('tells the service the faults of all drills at once, and after each change what is left', async () => {
  const faults = createFaultInjection(service.url, 'token', signal)
  const withdrawFirst = await faults.add([{ dbDown: true }])
  const withdrawSecond = await faults.add([{ status: 500, route: 'GET /x' }])
  await withdrawFirst()
  await withdrawSecond()
  await faults.clear()
  expect(rulesTold()).toEqual([
    [{ dbDown: true }],
    [{ dbDown: true }, { status: 500, route: 'GET /x' }],
    [{ status: 500, route: 'GET /x' }],
    [],
    'DELETE',
  ])
  expect(heard[0]?.headers.authorization).toBe('Bearer token')
})

it('gives each set an end of its own, should nobody be there to end it', async () => {
  await createFaultInjection(service.url, 'token', signal).add([{ dbDown: true }])
  expect(JSON.parse(heard[0]?.body ?? '')).toMatchObject({ ttlSeconds: 180 })
})

it('forgets a fault that the service refused', async () => {
  const faults = createFaultInjection(service.url, 'token', signal)
  status = 422
  await expect(faults.add([{ latencyMs: -1 }])).rejects.toThrow('the service refused a fault: 422')
  status = 200
  await faults.add([{ dbDown: true }])
  expect(rulesTold()).toEqual([[{ latencyMs: -1 }], [{ dbDown: true }]])
})

it('says of a service without fault injection what it lacks', async () => {
  expect(await checkFaultInjection(service.url, 'token', signal)).toBeUndefined()
  status = 404
  expect(await checkFaultInjection(service.url, 'token', signal)).toContain(
    'has no fault injection (GET /_faults answered 404): start it with FAULTS_TOKEN',
  )
  expect(await checkFaultInjection('http://127.0.0.1:9', 'token', signal)).toContain(
    'the service at http://127.0.0.1:9',
  )
})
