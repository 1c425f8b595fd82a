import { describe, expect, it } from 'vitest'
import type { Pod, Snapshot } from './snapshot.ts'
import { describeDelay, describeStage, findFailure } from './stages.ts'
import type { LoadSoFar } from './stages.ts'

const name = 'vigil-browse-0a1b2c3d'
const load = (given: Partial<LoadSoFar> = {}): LoadSoFar => ({
  name,
  parallelism: 2,
  seen: new Set(),
  begun: new Set(),
  reported: new Set(),
  ...given,
})
const pod = (job: string, given: Partial<Pod> = {}): Pod => ({
  name: `${name}-${job}-x1y2z`,
  job: `${name}-${job}`,
  node: 'node-7',
  phase: 'Running',
  reason: '',
  message: '',
  isDeleted: false,
  unschedulable: undefined,
  waiting: undefined,
  terminated: undefined,
  ...given,
})
const snapshot = (pods: Pod[], given: Partial<Snapshot> = {}): Snapshot => ({
  stage: 'created',
  pods,
  failures: [],
  ...given,
})
const exited = (exitCode: number, reason = 'Error'): Partial<Pod> => ({
  phase: 'Failed',
  terminated: { exitCode, reason },
})

describe('a load in Kubernetes goes on', () => {
  it.each<[string, Snapshot, LoadSoFar]>([
    ['before the operator has seen it', snapshot([], { stage: '' }), load()],
    [
      'while runners are pending',
      snapshot([pod('1', { phase: 'Pending', unschedulable: 'no node' })]),
      load(),
    ],
    ['with runners that ended well', snapshot([pod('1', { phase: 'Succeeded' }), pod('2')]), load()],
    ['with a runner whose thresholds failed', snapshot([pod('1', exited(99)), pod('2')]), load()],
    [
      'with a pod that is deleted after its result came',
      snapshot([pod('1', { isDeleted: true }), pod('2')]),
      load({ reported: new Set([1]), seen: new Set([1, 2]) }),
    ],
    [
      'with a pod that was only created late',
      snapshot([pod('1'), pod('2')], { failures: [{ job: `${name}-2`, message: 'exceeded quota' }] }),
      load(),
    ],
    [
      'with failures of other jobs of the namespace',
      snapshot([pod('1'), pod('2')], { failures: [{ job: 'nightly-1', message: 'exceeded quota' }] }),
      load(),
    ],
  ])('%s', (_, given, soFar) => {
    expect(findFailure(given, soFar)).toBeUndefined()
  })
})

describe('a load in Kubernetes fails', () => {
  const begun = new Set([1, 2])
  it.each<[string, Snapshot, LoadSoFar, object]>([
    [
      'by a quota',
      snapshot([pod('1')], {
        failures: [{ job: `${name}-2`, message: 'pods is forbidden: exceeded quota: small' }],
      }),
      load(),
      {
        kind: 'refused',
        reason:
          `job ${name}-2 cannot create its pod: pods is forbidden: exceeded quota: small: ` +
          'lower --parallelism or kubernetes.cpu and kubernetes.memory, or raise the quota',
      },
    ],
    [
      'by the policy of the namespace',
      snapshot([], { failures: [{ job: `${name}-1`, message: 'violates PodSecurity "restricted:latest"' }] }),
      load(),
      { kind: 'refused', reason: expect.stringMatching(/the namespace does not admit such pods$/) },
    ],
    ...['ErrImagePull', 'ImagePullBackOff', 'InvalidImageName'].map(
      (reason): [string, Snapshot, LoadSoFar, object] => [
        `by an image: ${reason}`,
        snapshot([pod('2', { phase: 'Pending', waiting: { reason, message: 'not found' } })]),
        load(),
        {
          kind: 'refused',
          reason:
            `the image of pod ${name}-2-x1y2z cannot be pulled (${reason}: not found): ` +
            'correct kubernetes.image, or add kubernetes.imagePullSecrets',
        },
      ],
    ),
    [
      'by a container that cannot be created',
      snapshot([
        pod('1', { phase: 'Pending', waiting: { reason: 'CreateContainerConfigError', message: 'no user' } }),
      ]),
      load(),
      { kind: 'refused', reason: expect.stringContaining('CreateContainerConfigError: no user') },
    ],
    [
      'by a runner that was killed',
      snapshot([pod('1'), pod('2', exited(137, 'OOMKilled'))]),
      load({ begun }),
      {
        kind: 'lost',
        number: 2,
        reason: `k6 was ended by SIGKILL (OOMKilled): pod ${name}-2-x1y2z on node node-7`,
        pod: `${name}-2-x1y2z`,
      },
    ],
    [
      'by a runner that was evicted',
      snapshot([
        pod('1', { phase: 'Failed', reason: 'Evicted', message: 'The node was low on memory.' }),
        pod('2'),
      ]),
      load({ begun }),
      { kind: 'lost', number: 1, reason: expect.stringContaining('Evicted: The node was low on memory.') },
    ],
    [
      'by a runner whose result came and whose k6 then failed',
      snapshot([pod('1', exited(107)), pod('2')]),
      load({ begun, reported: new Set([1]) }),
      { kind: 'lost', number: 1, reason: expect.stringContaining('k6 exited with 107 (the script threw)') },
    ],
    [
      'by a runner whose pod was deleted',
      snapshot([pod('1', { isDeleted: true }), pod('2')]),
      load({ begun }),
      { kind: 'lost', number: 1, reason: `pod ${name}-1-x1y2z was deleted` },
    ],
    [
      'by a runner whose pod is gone',
      snapshot([pod('1')]),
      load({ begun, seen: begun }),
      { kind: 'lost', number: 2, reason: `its pod is gone: ${name}-2` },
    ],
    [
      'by the initializer',
      snapshot([pod('initializer', exited(1))], { stage: 'initialization' }),
      load(),
      { kind: 'refused', reason: expect.stringMatching(/^the initializer failed.*k6 exited with 1: pod/) },
    ],
    [
      'by the operator',
      snapshot([], { stage: 'error' }),
      load(),
      { kind: 'refused', reason: expect.stringMatching(/^k6-operator set the stage to error/) },
    ],
    [
      'by the starter',
      snapshot([pod('1'), pod('2'), pod('starter', exited(7))], { stage: 'started' }),
      load({ begun: new Set([1]) }),
      { kind: 'refused', reason: expect.stringMatching(/^the starter could not reach the runners/) },
    ],
    [
      'when its TestRun is deleted',
      snapshot([pod('1'), pod('2')], { stage: undefined }),
      load({ begun }),
      { kind: 'refused', reason: 'the TestRun was deleted by someone else' },
    ],
  ])('%s', (_, given, soFar, expected) => {
    expect(findFailure(given, soFar)).toMatchObject(expected)
  })
})

describe('the live line', () => {
  it.each<[Snapshot, LoadSoFar, string, string]>([
    [snapshot([], { stage: '' }), load(), 'waiting for k6-operator', ''],
    [snapshot([], { stage: 'initialization' }), load(), 'waiting for the initializer', ''],
    [
      snapshot([pod('1'), pod('2', { phase: 'Pending', unschedulable: '0/3 nodes are available' })]),
      load(),
      'waiting for 2 runners',
      `1 run; pod ${name}-2-x1y2z: Pending (0/3 nodes are available)`,
    ],
    [
      snapshot([pod('1'), pod('2')], { stage: 'started' }),
      load({ begun: new Set([2]) }),
      'waiting for the starter',
      '1 of 2 runners have begun',
    ],
  ])('says what is waited for: %#', (given, soFar, what, detail) => {
    expect(describeStage(given, soFar)).toEqual({ what, detail })
  })
})

describe('what did not happen in time', () => {
  const limitMs = 300_000
  it.each<[string, Snapshot | undefined, LoadSoFar, string]>([
    ['no answer', undefined, load(), 'the API server did not answer for 5 minutes'],
    [
      'no operator',
      snapshot([], { stage: '' }),
      load(),
      'k6-operator did nothing with the TestRun for 5 minutes',
    ],
    [
      'pending runners',
      snapshot([pod('1'), pod('2', { phase: 'Pending', unschedulable: 'Insufficient cpu' })]),
      load(),
      `1 of 2 runners are still pending after 5 minutes; pod ${name}-2-x1y2z: Pending (Insufficient cpu)`,
    ],
    ['no pods', snapshot([pod('1')]), load(), '1 of 2 runners have no pod after 5 minutes (stage created)'],
    [
      'no starter',
      snapshot([pod('1'), pod('2')]),
      load({ begun: new Set([1]) }),
      '1 of 2 runners began within 5 minutes (stage created); no starter was created',
    ],
  ])('%s', (_, given, soFar, expected) => {
    expect(describeDelay(given, soFar, limitMs)).toContain(expected)
  })
})
