import { gunzipSync } from 'node:zlib'
import { Profile } from 'pprof-format'
import type { SideProfile, StackNode } from '../../baselines/profiles/index.ts'
import { explainFetchError, readBoundedBytes } from '../../journeys/client/index.ts'
import { toFrame } from './call-tree.ts'
import type { CaptureResult } from './call-tree.ts'
import type { CapturePlan } from './inspector.ts'

const maxProfileBytes = 16 * 2 ** 20
const maxUnpackedBytes = 128 * 2 ** 20

/** Asks a service for its own CPU profile, in the format of pprof. */
export async function captureFromPprof(url: string, plan: CapturePlan): Promise<CaptureResult> {
  const address = new URL(url)
  // What Go's net/http/pprof and its relatives take; a URL that has it already keeps it.
  if (!address.searchParams.has('seconds'))
    address.searchParams.set('seconds', String(Math.ceil(plan.durationMs / 1000)))
  try {
    const before = plan.countRequests()
    const response = await fetch(address, { signal: plan.signal, redirect: 'error' })
    if (!response.ok)
      return { state: 'failed', reason: `target.profile answered ${response.status}, expected 200` }
    const excess = `target.profile answered more than ${maxProfileBytes / 2 ** 20} MiB`
    const bytes = await readBoundedBytes(response, maxProfileBytes, excess)
    const requests = plan.countRequests() - before
    const read = readPprof(bytes, plan.root)
    return read.state === 'ok' ? { state: 'ok', profile: { ...read.profile, requests } } : read
  } catch (error) {
    return { state: 'failed', reason: `target.profile: ${explainFetchError(error)}` }
  }
}

/** Reads a profile of pprof, packed or not. */
export function readPprof(
  bytes: Uint8Array,
  root: string,
): { state: 'ok'; profile: Omit<SideProfile, 'requests'> } | { state: 'failed'; reason: string } {
  let profile: Profile
  try {
    const isPacked = bytes[0] === 0x1f && bytes[1] === 0x8b
    profile = Profile.decode(isPacked ? gunzipSync(bytes, { maxOutputLength: maxUnpackedBytes }) : bytes)
  } catch {
    return { state: 'failed', reason: 'target.profile answered something else than a pprof profile' }
  }
  const values = findCpuValue(profile)
  if (values === undefined)
    return {
      state: 'failed',
      reason: 'the profile of target.profile has no CPU time (type cpu, nanoseconds)',
    }
  const roots: StackNode[] = []
  const frames = readFrames(profile, root)
  let cpuNs = 0
  let samples = 0
  for (const { locationId, value } of profile.sample) {
    const ns = Number(value[values.cpu] ?? 0)
    const count = values.count === undefined ? ns / values.periodNs : Number(value[values.count] ?? 0)
    if (!(ns > 0 && count > 0)) continue
    cpuNs += ns
    samples += count
    addStack(
      roots,
      locationId.toReversed().flatMap((id) => frames.get(Number(id)) ?? []),
      count,
    )
  }
  return samples === 0
    ? { state: 'failed', reason: 'the profile of target.profile is empty' }
    : { state: 'ok', profile: { roots, sampleMs: cpuNs / 1e6 / samples } }
}

/** The places of CPU time and of the number of samples among the values of a sample. */
function findCpuValue(
  profile: Profile,
): { cpu: number; count: number | undefined; periodNs: number } | undefined {
  const { strings } = profile.stringTable
  const types = profile.sampleType.map(
    ({ type, unit }) => `${strings[Number(type)]}/${strings[Number(unit)]}`,
  )
  const cpu = types.indexOf('cpu/nanoseconds')
  const count = types.findIndex((type) => type.endsWith('/count'))
  const periodNs = Number(profile.period)
  return cpu < 0
    ? undefined
    : { cpu, count: count < 0 ? undefined : count, periodNs: periodNs > 0 ? periodNs : 10_000_000 }
}

/** The frames of each location, caller first: a location has several where functions were inlined. */
function readFrames(profile: Profile, root: string): Map<number, StackNode['frame'][]> {
  const { strings } = profile.stringTable
  const functions = new Map(profile.function.map((one) => [Number(one.id), one]))
  return new Map(
    profile.location.map(({ id, line, address }) => {
      const frames = line.toReversed().map((one) => {
        const known = functions.get(Number(one.functionId))
        const at = Number(known?.startLine ?? 0) || Number(one.line)
        return toFrame(textAt(strings, known?.name), textAt(strings, known?.filename), at, root)
      })
      const unknown = toFrame(`0x${BigInt(address).toString(16)}`, '', 0, root)
      return [Number(id), frames.length > 0 ? frames : [unknown]]
    }),
  )
}

function textAt(strings: readonly string[], index: number | bigint | undefined): string {
  return strings[Number(index ?? 0)] ?? ''
}

/** Adds a stack, caller first, to the tree. */
function addStack(roots: StackNode[], stack: readonly StackNode['frame'][], count: number): void {
  let level = roots
  let node: StackNode | undefined
  for (const frame of stack) {
    node = level.find(({ frame: { name, file } }) => name === frame.name && file === frame.file)
    if (node === undefined) {
      node = { frame, samples: 0, children: [] }
      level.push(node)
    }
    level = node.children
  }
  if (node !== undefined) node.samples += count
}
