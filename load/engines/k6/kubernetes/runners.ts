import { createHash } from 'node:crypto'
import { toOneLine } from '../../../../record/index.ts'
import type { LoadEnvironment } from '../../../engine.ts'
import type { ShardBegin, ShardManifest, ShardReport } from '../../../shards/shards.ts'
import { FrameReader } from '../k6-runtime/frames.ts'
import type { ScriptSummary } from '../k6-runtime/metrics.ts'
import type { LoadScriptPlan } from '../k6-runtime/wire.ts'
import { collectMessages, readMessage } from '../messages.ts'
import { readSummary } from '../summary.ts'
import { watchRun } from '../watch.ts'
import type { EngineWorld, Watch } from '../watch.ts'
import { shardName } from './stages.ts'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Characters of a runner's log that are kept for messages. */
const keptLength = 600

/** What the runners of a load wrote into their logs. */
export class Runners {
  readonly messages = collectMessages()
  readonly begins: ShardBegin[] = []
  readonly problems: string[] = []
  /** By number. */
  readonly begun = new Set<number>()
  readonly #plan: LoadScriptPlan
  readonly #manifest: ShardManifest
  readonly #world: EngineWorld
  readonly #readers = new Map<number, FrameReader>()
  readonly #watch: Watch
  #sampled = 0

  constructor(
    plan: LoadScriptPlan,
    manifest: ShardManifest,
    environment: LoadEnvironment,
    world: EngineWorld,
  ) {
    this.#plan = plan
    this.#manifest = manifest
    this.#world = world
    this.#watch = watchRun(
      // Their REST API is inside the cluster: what is seen of the load while it runs comes from the logs.
      { plan, addresses: [], messages: this.messages, groups: [] },
      {
        measuring: environment.measuring,
        progress: (progress) => {
          const requestsPerSecond = this.#sampled * plan.sampleEvery
          this.#sampled = 0
          if (this.begun.size > 0) environment.progress({ ...progress, requestsPerSecond })
        },
      },
      world,
    )
  }

  receive(number: number, line: string): void {
    if (this.#reader(number).add(line)) return
    const message = readMessage(line, this.#plan.nonce)
    if (message === undefined) return
    this.messages.add(message)
    if (message.type === 'sample') this.#sampled += message.latenciesMs.length
    if (message.type !== 'started') return
    this.#begin(number, message)
    this.#watch.start()
  }

  /** The same, of a log that was read before: only what may be missing is taken. */
  receivePart(number: number, line: string): void {
    this.#reader(number).add(line)
  }

  #begin(number: number, message: { shard?: string; clockMs?: number; segment?: string }): void {
    const { monotonicMs, wallMs } = this.#world
    const name = shardName(number)
    const clockOffsetMs = (message.clockMs ?? wallMs()) - wallMs()
    this.begun.add(number)
    this.begins.push({ name, atMs: monotonicMs(), clockOffsetMs })
    const expected = this.#manifest.shards[number - 1]?.segment ?? ''
    const found = toOneLine(message.segment ?? '')
    if (!isSameSegment(found, expected))
      this.problems.push(
        `${name} has another segment: found ${found || 'none'}, expected ${expected}: ` +
          'use k6-operator 1.6 or later',
      )
  }

  /** Runners whose summary came whole. */
  reported(): Set<number> {
    const whole = [...this.#readers].filter(([, reader]) =>
      reader.reports().some(({ report }) => report.state === 'ok'),
    )
    return new Set(whole.map(([number]) => number))
  }

  /** The end of what k6 wrote into a log, without the lines of our script; '' when it wrote nothing. */
  toOutput(lines: readonly string[]): string {
    const log = lines.filter((line) => !line.startsWith(this.#plan.nonce)).join(' ')
    return toOneLine(log.slice(-keptLength), keptLength)
  }

  stop(): void {
    this.#watch.stop()
  }

  observations(): ReturnType<Watch['observations']> | undefined {
    return this.begun.size === 0 ? undefined : this.#watch.observations()
  }

  /** @param ends why a runner's summary does not count, by number */
  *reports(ends: ReadonlyMap<number, string>): Generator<ShardReport<ScriptSummary>> {
    for (const [index, { name }] of this.#manifest.shards.entries()) {
      const number = index + 1
      const end = ends.get(number)
      const reports = this.#readers.get(number)?.reports() ?? []
      if (end !== undefined) yield { state: 'missing', name, reason: end }
      else if (reports.length === 0) yield { state: 'missing', name, reason: 'its log has no result' }
      else for (const { report } of reports) yield this.#toReport(name, report)
    }
  }

  #toReport(
    name: string,
    report: ReturnType<FrameReader['reports']>[number]['report'],
  ): ShardReport<ScriptSummary> {
    if (report.state === 'missing') return { ...report, name }
    const summary = readSummary(report.text, this.#plan)
    return summary.state === 'invalid'
      ? { state: 'missing', name, reason: `its summary ${summary.reason}` }
      : {
          state: 'ok',
          identity: summary.summary.shard ?? { name, plan: 'none', format: 'none' },
          value: summary.summary,
        }
  }

  #reader(number: number): FrameReader {
    const known = this.#readers.get(number)
    if (known !== undefined) return known
    const reader = new FrameReader(this.#plan.nonce, sha256)
    this.#readers.set(number, reader)
    return reader
  }
}

/** k6 cancels fractions: 2/4 is 1/2. A single runner gets no segment. */
function isSameSegment(found: string, expected: string): boolean {
  const [from, to] = toBounds(expected)
  const [foundFrom, foundTo] = toBounds(found)
  return from === foundFrom && to === foundTo
}

function toBounds(segment: string): number[] {
  return (segment === '' ? '0:1' : segment).split(':').map(toNumber)
}

function toNumber(fraction: string): number {
  const [numerator, denominator = '1'] = fraction.split('/')
  return Number(numerator) / Number(denominator)
}
