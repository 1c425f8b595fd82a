import { createPaper } from '../../../reports/terminal/index.ts'
import type { Ink } from '../../../reports/terminal/index.ts'
import { formatDuration, toProbeText } from '../../../reports/wording/index.ts'
import type { ProbeOutcome, ProbeResult } from '../../../record/index.ts'
import type { ScheduleEvent } from '../../../synthetics/schedule/index.ts'
import type { Session } from '../../shared/session.ts'

/** Prints what a scheduler does: a line for each run and each change, or JSON lines. */
export interface ScheduleConsole {
  ran: (result: ProbeResult, times: { dueMs: number; latenessMs: number; endedMs: number }) => void
  skipped: (event: EventOf<'skipped'>) => void
  missed: (event: EventOf<'missed'>) => void
  clockMoved: (event: EventOf<'clock-moved'>) => void
}

type EventOf<K extends ScheduleEvent<ProbeResult>['kind']> = Extract<ScheduleEvent<ProbeResult>, { kind: K }>

const inks: Record<ProbeOutcome, Ink> = { up: 'green', degraded: 'yellow', down: 'red', unknown: 'yellow' }

/** @param how `quiet`: print only changes; JSON lines are for programs and always complete */
export function scheduleConsole(session: Session, how: { json: boolean; quiet: boolean }): ScheduleConsole {
  const changes = changesOf()
  return how.json ? jsonLines(session, changes) : textLines(session, how.quiet, changes)
}

/** The previous outcome, if it differs. A first outcome that is not `up` is a change too. */
function changesOf(): (result: ProbeResult) => ProbeOutcome | 'first' | undefined {
  const last = new Map<string, ProbeOutcome>()
  return ({ name, outcome }) => {
    const before = last.get(name)
    last.set(name, outcome)
    return before === outcome || (before === undefined && outcome === 'up') ? undefined : (before ?? 'first')
  }
}

function jsonLines({ world }: Session, changes: ReturnType<typeof changesOf>): ScheduleConsole {
  const line = (event: string, fields: object): void =>
    world.stdout(`${JSON.stringify({ schema: 'vigil.schedule/1', event, ...fields })}\n`)
  return {
    ran: (result, { dueMs, latenessMs }) => {
      line('run', { dueAt: iso(dueMs), latenessMs, ...result })
      const from = changes(result)
      if (from !== undefined)
        line('change', {
          name: result.name,
          from: from === 'first' ? null : from,
          to: result.outcome,
          ...(result.message !== undefined && { message: result.message }),
        })
    },
    skipped: ({ name, dueMs }) => line('skipped', { name, dueAt: iso(dueMs) }),
    missed: ({ name, count, sinceMs }) => line('missed', { name, count, since: iso(sinceMs) }),
    clockMoved: ({ byMs }) => line('clock-moved', { byMs: Math.round(byMs) }),
  }
}

function textLines(
  { world, progress }: Session,
  quiet: boolean,
  changes: ReturnType<typeof changesOf>,
): ScheduleConsole {
  const paper = createPaper(world.terminal)
  const overrunning = new Set<string>()
  return {
    ran: (result, { endedMs }) => {
      overrunning.delete(result.name)
      const { name, outcome, took, attempts, message, steps } = toProbeText(result)
      const from = changes(result)
      if (quiet && from === undefined) return
      const notes = [
        ...(attempts === '' ? [] : [attempts]),
        ...(from === undefined || from === 'first' ? [] : [`was ${from}`]),
      ]
      world.stdout(
        `${time(endedMs)}  ${paper.ink(inks[outcome], outcome.padEnd(8))}  ${name}  ` +
          `${took}${notes.length > 0 ? `  (${notes.join(', ')})` : ''}\n`,
      )
      if (outcome === 'up') return
      // Not wrapped: a log is searched by line.
      if (message !== '') world.stdout(`    ${message}\n`)
      for (const { step, ok, status, took: stepTook } of steps)
        if (!ok) world.stdout(`    ${paper.ink('red', 'FAIL')}  ${step}  ${status}  ${stepTook}\n`)
    },
    skipped: ({ name }) => {
      // Once for each run that takes too long, not once for each time it is due.
      if (!overrunning.has(name))
        progress.warn(`${name} takes longer than its interval; it is skipped until it ends`)
      overrunning.add(name)
    },
    missed: ({ name, count, sinceMs }) =>
      progress.warn(
        `${name}: ${count} ${count === 1 ? 'run' : 'runs'} missed since ${time(sinceMs)}: ` +
          'this machine slept or stalled, or its clock was set; that time is unknown',
      ),
    clockMoved: ({ byMs }) =>
      progress.warn(
        `the clock of this machine was set ${byMs > 0 ? 'forward' : 'back'} by ` +
          `${formatDuration(Math.abs(byMs))}, or it slept`,
      ),
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}

function time(ms: number): string {
  return iso(ms).slice(0, 19).replace('T', ' ').concat('Z')
}
