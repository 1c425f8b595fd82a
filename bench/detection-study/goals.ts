import type { NoiseLevel } from './machine.ts'
import type { Change } from './service.ts'
import { steps } from './service.ts'
import type { VerdictWord } from '../../baselines/index.ts'

/** A goal of DETECTION: on duets of this kind, the share of this verdict. */
export interface Goal {
  name: string
  change: Change
  levels: readonly NoiseLevel[]
  seconds: number
  /** How the share is counted; `named`: of the fails, those that blame the step that changed first. */
  counted: VerdictWord | 'not pass' | 'named'
  /** The goal: at least or at most this share. */
  bound: { least: number } | { most: number }
}

const notNoisy: readonly NoiseLevel[] = ['quiet', 'normal', 'drifty']
const every: readonly NoiseLevel[] = [...notNoisy, 'noisy']
const smallStep = { name: steps[5], factor: 1.2 }
/** Twice as much of the slow steps, less of the others. */
const shifted = [0.24, 0.2, 0.15, 0.13, 0.16, 0.12]

/** Lengths of a duet's units, in seconds. */
const short = 2.5
const long = 5
const tenPercent = { all: 1.1 }

export const goals: readonly Goal[] = [
  ...every.map((level) => goal('nothing changed', {}, [level], short, 'fail', { most: 0.01 })),
  goal('nothing changed', {}, ['quiet'], short, 'inconclusive', { most: 0.4 }),
  goal('nothing changed', {}, ['normal'], short, 'inconclusive', { most: 0.6 }),
  goal('nothing changed', {}, ['drifty'], short, 'inconclusive', { most: 0.55 }),
  goal('+10 % everywhere', tenPercent, ['quiet'], short, 'fail', { least: 0.95 }),
  goal('+10 % everywhere', tenPercent, ['normal'], short, 'fail', { least: 0.95 }),
  goal('+10 % everywhere', tenPercent, ['drifty'], short, 'fail', { least: 0.9 }),
  goal('+10 % everywhere', tenPercent, ['noisy'], short, 'pass', { most: 0.02 }),
  goal('+10 % everywhere', tenPercent, notNoisy, short, 'pass', { most: 0.01 }),
  goal('+20 % everywhere', { all: 1.2 }, notNoisy, short, 'fail', { least: 0.98 }),
  goal('+5 % everywhere', { all: 1.05 }, every, short, 'pass', { most: 0.05 }),
  goal('+20 % on one step of 5 %', { step: smallStep }, notNoisy, long, 'fail', { least: 0.9 }),
  goal('+20 % on one step of 5 %', { step: smallStep }, notNoisy, long, 'named', { least: 0.95 }),
  goal('errors .05 → .3 %', { errorRate: 0.003 }, every, long, 'fail', { least: 0.95 }),
  goal('throughput −10 %', { throughput: 0.9 }, every, long, 'fail', { least: 0.9 }),
  goal('mix shifted, nothing slower', { shares: shifted }, every, short, 'fail', { most: 0.05 }),
  goal('+2 % everywhere', { all: 1.02 }, every, short, 'fail', { most: 0.15 }),
]

function goal(
  name: string,
  change: Change,
  levels: readonly NoiseLevel[],
  seconds: number,
  counted: Goal['counted'],
  bound: Goal['bound'],
): Goal {
  return { name, change, levels, seconds, counted, bound }
}
