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

const short = { seconds: 2.5 }
const long = { seconds: 5 }

export const goals: readonly Goal[] = [
  ...every.map((level): Goal => ({
    name: 'nothing changed',
    change: {},
    levels: [level],
    ...short,
    counted: 'fail',
    bound: { most: 0.01 },
  })),
  {
    name: 'nothing changed',
    change: {},
    levels: ['quiet'],
    ...short,
    counted: 'inconclusive',
    bound: { most: 0.4 },
  },
  {
    name: 'nothing changed',
    change: {},
    levels: ['normal'],
    ...short,
    counted: 'inconclusive',
    bound: { most: 0.6 },
  },
  {
    name: 'nothing changed',
    change: {},
    levels: ['drifty'],
    ...short,
    counted: 'inconclusive',
    bound: { most: 0.55 },
  },
  {
    name: '+10 % everywhere',
    change: { all: 1.1 },
    levels: ['quiet'],
    ...short,
    counted: 'fail',
    bound: { least: 0.95 },
  },
  {
    name: '+10 % everywhere',
    change: { all: 1.1 },
    levels: ['normal'],
    ...short,
    counted: 'fail',
    bound: { least: 0.95 },
  },
  {
    name: '+10 % everywhere',
    change: { all: 1.1 },
    levels: ['drifty'],
    ...short,
    counted: 'fail',
    bound: { least: 0.9 },
  },
  {
    name: '+10 % everywhere',
    change: { all: 1.1 },
    levels: ['noisy'],
    ...short,
    counted: 'pass',
    bound: { most: 0.02 },
  },
  {
    name: '+10 % everywhere',
    change: { all: 1.1 },
    levels: notNoisy,
    ...short,
    counted: 'pass',
    bound: { most: 0.01 },
  },
  {
    name: '+20 % everywhere',
    change: { all: 1.2 },
    levels: notNoisy,
    ...short,
    counted: 'fail',
    bound: { least: 0.98 },
  },
  {
    name: '+5 % everywhere',
    change: { all: 1.05 },
    levels: every,
    ...short,
    counted: 'pass',
    bound: { most: 0.05 },
  },
  {
    name: '+20 % on one step of 5 %',
    change: { step: smallStep },
    levels: notNoisy,
    ...long,
    counted: 'fail',
    bound: { least: 0.9 },
  },
  {
    name: '+20 % on one step of 5 %',
    change: { step: smallStep },
    levels: notNoisy,
    ...long,
    counted: 'named',
    bound: { least: 0.95 },
  },
  {
    name: 'errors .05 → .3 %',
    change: { errorRate: 0.003 },
    levels: every,
    ...long,
    counted: 'fail',
    bound: { least: 0.95 },
  },
  {
    name: 'throughput −10 %',
    change: { throughput: 0.9 },
    levels: every,
    ...long,
    counted: 'fail',
    bound: { least: 0.9 },
  },
  {
    name: 'mix shifted, nothing slower',
    change: { shares: shifted },
    levels: every,
    ...short,
    counted: 'fail',
    bound: { most: 0.05 },
  },
  {
    name: '+2 % everywhere',
    change: { all: 1.02 },
    levels: every,
    ...short,
    counted: 'fail',
    bound: { most: 0.15 },
  },
]
